-- The last event of a name, for timers that are to be set. Side by side: $1 shards  $2 keys
-- $3 names; $4 not later than; $5 properties above so many bytes are left out
select k.n::integer, e.id, e.name, e.occurred_at, e.properties
  from unnest($1::smallint[], $2::text[], $3::text[]) with ordinality as k (shard, key, name, n)
 cross join lateral (
        select v.id, v.name, v.occurred_at,
               case when pg_column_size(v.properties) <= $5::bigint then v.properties end as properties
          from godwit.events v
         where v.shard = k.shard and v.customer = k.key and v.name = k.name
           and v.occurred_at <= $4::timestamptz
         order by v.occurred_at desc, v.id desc limit 1) e
