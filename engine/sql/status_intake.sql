-- Events that are not decided yet, and how old the oldest is: its age is the lag. Shards that
-- nobody owns.
with open as materialized (
    select e.recorded_at
      from godwit.events e
      join godwit.shards s on s.shard = e.shard
     where e.xid >= (select min(pg_snapshot_xmin(x.last)::text::numeric)::text::xid8
                       from godwit.shards x)
       and not pg_visible_in_snapshot(e.xid, s.last)
       and not coalesce(pg_visible_in_snapshot(e.xid, s.target)
                        and (e.xid, e.id) <= (s.pos_xid, s.pos_id), false))
select count(*), coalesce(extract(epoch from now() - min(recorded_at)), 0)::double precision,
       (select count(*) from godwit.shards where owner is null or lease_until < now())
  from open
