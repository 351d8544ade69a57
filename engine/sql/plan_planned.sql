-- What this plan would have sent so far. $1 shards (not needed), $2 customer keys,
-- $3 campaigns that have limits
select m.customer, m.campaign, m.channel, m.topic, m.at, m.outcome
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join pg_temp.plan_messages m on m.customer = k.key and m.campaign = any ($3::text[])
