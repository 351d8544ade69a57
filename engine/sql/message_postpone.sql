-- Messages that would stand in the others' way are due later: at the slot that their pace gives
-- them. Side by side: $1 ids, $2 shards, $3 leases, $4 due
update godwit.messages m
   set due_at = r.due_at
  from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::timestamptz[])
       as r (id, shard, lease, due_at)
  join godwit.shards s on s.shard = r.shard and s.fence = r.lease
 where m.shard = r.shard and m.id = r.id and m.status in ('queued', 'deferred')
