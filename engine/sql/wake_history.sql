-- What customers did of which nothing is kept. Side by side: $1 shards  $2 keys  $3 event
-- names; $4 properties above so many bytes are left out
select k.n::integer, e.id, e.occurred_at,
       case when pg_column_size(e.properties) <= $4::bigint then e.properties end as properties
  from unnest($1::smallint[], $2::text[], $3::text[]) with ordinality as k (shard, key, name, n)
  join godwit.events e on e.shard = k.shard and e.customer = k.key and e.name = k.name
 order by k.n, e.occurred_at, e.id
