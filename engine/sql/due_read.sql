-- People whose next step is due (0), and timers (1), by time. $1 shards  $2 now  $3 most
-- $4 campaigns with timers
select d.kind, d.shard, c.id, c.key, d.id, d.campaign, d.due_at
  from ((select 0 as kind, n.shard, n.customer_id, n.id, n.campaign, n.wake_at as due_at
           from godwit.enrolments n
          where n.ended_at is null and not n.paused and n.wake_at <= $2
            and n.shard = any ($1::smallint[])
            and n.campaign <> all (array (select p.campaign from godwit.pauses p))
          order by n.wake_at limit $3)
        union all
        (select 1, t.shard, t.customer_id, 0, t.campaign, t.due_at
           from godwit.campaign_timers t
          where t.due_at < 'infinity' and not t.paused and t.due_at <= $2
            and t.shard = any ($1::smallint[])
            and t.campaign = any ($4::text[])
            and t.campaign <> all (array (select p.campaign from godwit.pauses p))
          order by t.due_at limit $3)
        order by due_at limit $3) d
  join godwit.customers c on c.shard = d.shard and c.id = d.customer_id
 where not exists (select from godwit.pauses p where p.campaign = '*')
