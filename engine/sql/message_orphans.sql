-- Messages of shards taken over that an engine before us had marked as sending, and
-- whose end nobody knows. $1 shards, $2 our fences: side by side; $3 channels whose
-- setting is in_doubt: resend
update godwit.messages m
   set status = case when m.channel = any ($3::text[]) then 'queued' else 'in_doubt' end,
       due_at = case when m.channel = any ($3::text[]) then now() end,
       doubted_at = now(),
       reason = 'in doubt: the engine ended after it may have been handed over'
  from unnest($1::smallint[], $2::bigint[]) as o (shard, fence)
 where m.due_at is not null and m.shard = o.shard and m.status = 'sending' and m.lease < o.fence
returning m.shard, m.id, m.channel, m.status
