-- Messages that end before they were marked as sending: they cannot be rendered, or
-- are too late. Side by side: $1 ids, $2 shards, $3 leases, $4 reasons
with ours as materialized (
    select r.* from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::text[])
                    as r (id, shard, lease, reason)
      join godwit.shards s on s.shard = r.shard and s.fence = r.lease)
update godwit.messages m
   set status = 'failed', reason = r.reason, due_at = null
  from ours r
 where m.shard = r.shard and m.id = r.id and m.status in ('queued', 'deferred')
