-- The events of the past that start campaigns, in the order of time, in the form of
-- event_read.sql. $1 names  $2 after  $3 up to
declare plan_past no scroll cursor for
select pg_current_snapshot()::text as target, e.xid::text as xid, e.id, e.shard, e.customer, e.name,
       case when pg_column_size(e.properties) <= 1000000 then e.properties end as properties,
       pg_column_size(e.properties)::bigint as size, e.occurred_at, e.mode
  from godwit.events e
 where e.name = any ($1::text[]) and e.occurred_at > $2 and e.occurred_at <= $3
 order by e.occurred_at, e.id
