-- Earlier messages that limits count. $1 shards, $2 customer keys: side by side;
-- $3 campaigns that have limits
select c.id, m.campaign, m.channel, m.topic, coalesce(m.sent_at, m.queued_at) as at, m.status,
       m.event_id
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join godwit.customers c on c.shard = k.shard and c.key = k.key
  join godwit.messages m on m.shard = c.shard and m.customer_id = c.id
 where m.campaign = any ($3::text[])
