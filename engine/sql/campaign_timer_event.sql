-- The events that timers count from, by their ids. Side by side: $1 shards  $2 ids; $3 properties
-- above so many bytes are left out
select k.n::integer, e.id, e.name, e.occurred_at,
       case when pg_column_size(e.properties) <= $3::bigint then e.properties end as properties
  from unnest($1::smallint[], $2::bigint[]) with ordinality as k (shard, id, n)
  join godwit.events e on e.shard = k.shard and e.id = k.id
