-- When customers first responded, in each way, to each occurrence of campaigns whose conditions
-- ask. $1 shards, $2 customer keys: side by side; $3 campaigns. Scanners do not count.
select c.id, r.campaign, r.occurrence, r.kind, r.at
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join godwit.customers c on c.shard = k.shard and c.key = k.key
 cross join lateral (
        select m.campaign, m.occurrence, x.kind, min(x.at) as at
          from godwit.messages m
          join godwit.responses x on x.shard = m.shard and x.message_id = m.id
         where m.customer_id = c.id and m.shard = c.shard and m.campaign = any ($3::text[])
           and x.human is distinct from false
         group by 1, 2, 3) r
