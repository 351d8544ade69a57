-- Takes up to $2 shards that nobody holds: never owned, released, lease run out, or
-- owned by an engine that is gone; but not while messages of it are being marked.
-- $1 engine  $3 lease in seconds
update godwit.shards s
   set owner = $1, fence = s.fence + 1, lease_until = now() + make_interval(secs => $3)
 where s.shard in (
        select f.shard from godwit.shards f
         where f.owner is distinct from $1
           and (f.owner is null or f.lease_until < now()
                or not exists (select from godwit.engines e where e.id = f.owner))
           and pg_try_advisory_xact_lock(7303, f.shard)
         order by f.shard limit $2
         for update skip locked)
returning s.shard, s.fence, s.last::text, s.target::text, s.pos_xid::text, s.pos_id
