-- What some customers did, for segments. Side by side: $1 shards, $2 customer keys; and
-- $3 event names, $4 since when of each (null: all); $5 until when; $6 properties above
-- so many bytes are left out
select k.n::integer, w.n::integer, e.id, e.occurred_at,
       case when pg_column_size(e.properties) <= $6::bigint then e.properties end as properties
  from unnest($1::smallint[], $2::text[]) with ordinality as k (shard, key, n)
 cross join unnest($3::text[], $4::timestamptz[]) with ordinality as w (name, since, n)
  join godwit.events e on e.shard = k.shard and e.customer = k.key and e.name = w.name
   and e.occurred_at > coalesce(w.since, '-infinity') and e.occurred_at <= $5::timestamptz
 order by k.n, w.n, e.occurred_at, e.id
