-- Timers of some customers, of the campaigns that an event of a batch may set.
-- $1 shards, $2 customer keys: side by side; $3 campaigns
select c.id, t.campaign, t.due_at, t.since, t.event_id
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join godwit.customers c on c.shard = k.shard and c.key = k.key
  join godwit.campaign_timers t on t.customer_id = c.id and t.shard = c.shard
 where t.campaign = any ($3::text[])
