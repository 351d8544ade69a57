-- What journeys set. In the order in which others lock customers. Side by side: $1 shards
-- $2 customers  $3 attributes
with wanted as materialized (
    select u.shard, u.id, godwit.merge(u.attributes order by u.n) as attributes
      from unnest($1::smallint[], $2::bigint[], $3::jsonb[]) with ordinality
           as u (shard, id, attributes, n)
     group by 1, 2),
ours as materialized (
    select c.shard, c.id from godwit.customers c
     where (c.shard, c.id) in (select w.shard, w.id from wanted w)
     order by c.shard, c.key for update)
update godwit.customers c
   set attributes = c.attributes || w.attributes, updated_at = now()
  from ours o join wanted w on w.shard = o.shard and w.id = o.id
 where c.shard = o.shard and c.id = o.id
   and c.attributes is distinct from c.attributes || w.attributes
