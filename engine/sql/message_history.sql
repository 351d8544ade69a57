-- Earlier messages that limits count. $1 shards, $2 customer keys: side by side;
-- $3 campaigns that have limits; $4 all campaigns since then, or null
select c.id, m.campaign, m.channel, m.topic,
       coalesce(m.sent_at, greatest(case when isfinite(m.due_at) then m.due_at end, m.queued_at)) as at,
       m.status, m.event_id, m.id, m.step, m.occurrence
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join godwit.customers c on c.shard = k.shard and c.key = k.key
  join godwit.messages m on m.shard = c.shard and m.customer_id = c.id
 where m.campaign = any ($3::text[])
    or coalesce(m.sent_at, m.queued_at) > $4::timestamptz
    or (m.due_at is not null and $4::timestamptz is not null)
