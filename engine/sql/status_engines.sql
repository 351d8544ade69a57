-- Engines that live, and how many shards each has.
select e.id, coalesce(e.host, ''), e.pid::bigint, e.started_at,
       extract(epoch from now() - e.heartbeat_at)::double precision,
       (select count(*) from godwit.shards s where s.owner = e.id and s.lease_until > now()),
       e.asleep
  from godwit.engines e
 where e.heartbeat_at > now() - interval '15 seconds'
 order by e.id
