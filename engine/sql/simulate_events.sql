-- What they did, in the same order, up to but without $1. $2: names that mean something. What
-- campaigns and segments made of it is made again.
declare simulate_events no scroll cursor for
select e.customer, e.id, e.name, e.occurred_at,
       case when pg_column_size(e.properties) <= 1000000 then e.properties end as properties
  from godwit.events e
 where e.occurred_at < $1 and e.name = any ($2::text[])
   and e.name not in ('segment.entered', 'segment.left')
   and (e.dedupe is null or e.dedupe not like 'journey %')
 order by e.customer collate "C", e.occurred_at, e.id
