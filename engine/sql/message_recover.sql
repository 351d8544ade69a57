-- After a lost answer to message_mark: messages that are marked under our lease, but
-- that we never handed over. Side by side: $1 shards, $2 fences; $3 those in hand
update godwit.messages m
   set status = 'queued', attempts = m.attempts - 1
  from unnest($1::smallint[], $2::bigint[]) as o (shard, fence)
 where m.due_at is not null and m.shard = o.shard and m.status = 'sending'
   and m.lease = o.fence and m.id <> all ($3::bigint[])
returning m.id
