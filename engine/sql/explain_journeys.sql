-- Where a customer is in journeys, the newest first, and when campaigns look at them next.
-- $1 customer  $2 campaign or null
select x.* from (
    select n.campaign, n.version, n.entered_at as at, n.step, n.waiting, n.wake_at, n.paused,
           n.ended_at, coalesce(n.ended, '') as ended, coalesce(n.end_detail, '') as detail, n.id
      from godwit.customers c
      join godwit.enrolments n on n.shard = c.shard and n.customer_id = c.id
     where c.shard = godwit.shard_of($1) and c.key = $1
    union all
    select t.campaign, '', t.since, '', false, t.due_at, t.paused, null, 'timer', '', 0
      from godwit.customers c
      join godwit.campaign_timers t on t.shard = c.shard and t.customer_id = c.id
     where c.shard = godwit.shard_of($1) and c.key = $1) x
 where $2::text is null or x.campaign = $2
 order by x.id desc, x.campaign
 limit 200
