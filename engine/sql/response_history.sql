-- When customers first responded, in each way, to each occurrence of campaigns whose conditions
-- ask. $1 shards, $2 customer keys: side by side; $3 campaigns. Scanners do not count.
select c.id, r.campaign, m.occurrence, r.kind, min(r.at) as at
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join godwit.customers c on c.shard = k.shard and c.key = k.key
  join godwit.responses r on r.shard = c.shard and r.customer_id = c.id
  join godwit.messages m on m.shard = r.shard and m.id = r.message_id
 where r.campaign = any ($3::text[]) and r.human is distinct from false
 group by 1, 2, 3, 4
