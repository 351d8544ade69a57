-- What is due of paused campaigns is set aside, so that nothing stumbles over it again and again;
-- godwit.resume puts it back, and waits for whoever holds the pause. $1 shards  $2 now
with held as materialized (
    select p.campaign from godwit.pauses p where p.campaign <> '*' for share),
people as (
    update godwit.enrolments n set paused = true
      from (select h.shard, h.id from godwit.enrolments h
             where h.ended_at is null and not h.paused and h.wake_at <= $2
               and h.shard = any ($1::smallint[])
               and exists (select from held)
               and h.campaign = any (array (select campaign from held))
             order by h.wake_at limit 5000) x
     where n.shard = x.shard and n.id = x.id)
update godwit.campaign_timers t set paused = true
  from (select h.customer_id, h.campaign, h.shard from godwit.campaign_timers h
         where h.due_at < 'infinity' and not h.paused and h.due_at <= $2
           and h.shard = any ($1::smallint[])
           and exists (select from held)
           and h.campaign = any (array (select campaign from held))
         order by h.due_at limit 5000) x
 where t.customer_id = x.customer_id and t.campaign = x.campaign and t.shard = x.shard
