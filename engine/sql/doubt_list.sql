-- Messages whose fate is unknown and that wait for a decision, oldest first.
-- $1 campaign or null  $2 rows at most
select m.id, c.key, m.campaign, m.channel, m.address, m.doubted_at, coalesce(m.reason, '')
  from godwit.messages m
  join godwit.customers c on c.shard = m.shard and c.id = m.customer_id
 where m.status = 'in_doubt' and m.doubted_at is not null and ($1::text is null or m.campaign = $1)
 order by m.doubted_at, m.id
 limit $2::bigint
