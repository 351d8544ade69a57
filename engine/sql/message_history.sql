-- Earlier messages that limits count. $1 shards, $2 customer keys: side by side;
-- $3 campaigns that have limits; $4 all campaigns since then, or null; $5 now
-- Each counts once, when it left or will: what is due and has not left does so now at the earliest,
-- what is in doubt may have left at that moment, what is set aside by a pause counts when it was made.
select c.id, m.campaign, m.channel, m.topic,
       coalesce(m.sent_at,
                case when isfinite(m.due_at) then greatest(m.due_at, m.queued_at, $5) end,
                m.doubted_at, m.queued_at) as at,
       m.status, m.event_id, m.id, m.step, m.occurrence
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join godwit.customers c on c.shard = k.shard and c.key = k.key
  join godwit.messages m on m.shard = c.shard and m.customer_id = c.id
 where m.campaign = any ($3::text[])
    or coalesce(m.sent_at, m.doubted_at, m.queued_at) > $4::timestamptz
    or (m.due_at is not null and $4::timestamptz is not null)
