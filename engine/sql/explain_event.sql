-- A customer's last event of each name, in the form of event_read.sql, and when it was
-- recorded. $1 customer  $2 names  $3 not later than
select pg_current_snapshot()::text as target, e.xid::text as xid, e.id, e.shard, e.customer, e.name,
       case when pg_column_size(e.properties) <= 1000000 then e.properties end as properties,
       pg_column_size(e.properties)::bigint as size, e.occurred_at, e.mode, e.recorded_at
  from unnest($2::text[]) as n (name)
  join lateral (
        select * from godwit.events v
         where v.shard = godwit.shard_of($1) and v.customer = $1 and v.name = n.name
           and v.occurred_at <= $3
         order by v.occurred_at desc, v.id desc limit 1) e on true
 order by e.occurred_at, e.id
