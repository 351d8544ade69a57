-- $1 shards, $2 customer keys: side by side. The latest line of each scope.
select distinct on (c.shard, c.id, n.channel, n.topic)
       c.id, n.channel, n.topic, n.state = 'subscribed' as subscribed, n.at
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join godwit.customers c on c.shard = k.shard and c.key = k.key
  join godwit.consents n on n.shard = c.shard and n.customer_id = c.id
 order by c.shard, c.id, n.channel, n.topic, n.id desc
