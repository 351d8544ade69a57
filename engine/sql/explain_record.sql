-- What is recorded about a customer, newest first. $1 customer  $2 campaign or null
select x.campaign, x.what, x.at, x.reason, x.event_id, x.message_id, x.version from (
    select m.campaign, m.status as what, coalesce(m.sent_at, m.queued_at) as at, m.reason,
           m.event_id, m.id as message_id, m.version
      from godwit.customers c
      join godwit.messages m on m.shard = c.shard and m.customer_id = c.id
     where c.shard = godwit.shard_of($1) and c.key = $1
    union all
    select d.campaign, d.outcome, d.at, d.reason, d.event_id, null, d.version
      from godwit.customers c
      join godwit.decisions d on d.shard = c.shard and d.customer_id = c.id
     where c.shard = godwit.shard_of($1) and c.key = $1) x
 where $2::text is null or x.campaign = $2
 order by x.at desc limit 50
