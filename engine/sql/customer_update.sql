-- What journeys set. In the order in which others lock customers: they are looked up first, and
-- sorted apart from that, so that no plan reads all customers to spare a sort.
-- Side by side: $1 shards  $2 customers  $3 attributes
with wanted as materialized (
    select u.shard, u.id, godwit.merge(u.attributes order by u.n) as attributes
      from unnest($1::smallint[], $2::bigint[], $3::jsonb[]) with ordinality
           as u (shard, id, attributes, n)
     group by 1, 2),
known as materialized (
    select c.shard, c.id, c.key, w.attributes
      from wanted w join godwit.customers c on c.shard = w.shard and c.id = w.id),
ours as materialized (
    select c.shard, c.id, k.attributes
      from (select * from known order by shard, key offset 0) k
      join godwit.customers c on c.shard = k.shard and c.id = k.id
       for update of c)
update godwit.customers c
   set attributes = c.attributes || o.attributes, updated_at = now()
  from ours o
 where c.shard = o.shard and c.id = o.id
   and c.attributes is distinct from c.attributes || o.attributes
