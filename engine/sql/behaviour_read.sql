-- $1 shards, $2 customer keys: side by side; $3 event names
select c.id, b.name, b.layout, b.data
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join godwit.customers c on c.shard = k.shard and c.key = k.key
  join godwit.behaviour b on b.shard = c.shard and b.customer_id = c.id
 where b.name = any ($3::text[])
