-- Renews our leases, forgets dead engines, tells how many live. An engine is dead when
-- its heartbeat is older than the lease, or nobody holds its session lock.
-- $1 engine  $2 lease in seconds
with alive as (
    update godwit.engines set heartbeat_at = now() where id = $1 returning id),
renewed as (
    update godwit.shards set lease_until = now() + make_interval(secs => $2)
     where owner = $1 returning shard, fence),
dead as (
    delete from godwit.engines e
     where e.id <> $1
       and (e.heartbeat_at < now() - make_interval(secs => $2)
            or not exists (select from pg_locks l
                            where l.locktype = 'advisory' and l.classid = 7301
                              and l.objid = e.id::integer::oid and l.objsubid = 2
                              and l.database = (select oid from pg_database
                                                 where datname = current_database())))
    returning id)
select (select count(*) from alive) as alive,
       (select count(*) from godwit.engines e
         where e.id not in (select id from dead)) as engines,
       r.shard, r.fence
  from (values (1)) one left join renewed r on true
