-- Journeys of some customers: those they are inside of, and the latest that ended.
-- $1 shards, $2 customer keys: side by side
select c.id, n.id, n.campaign, n.version, n.occurrence, n.entered_at, n.event_id, n.event_name,
       n.event_at, n.event_properties, n.step, n.waiting, n.wake_at, n.variant, n.ended_at, n.ended
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join godwit.customers c on c.shard = k.shard and c.key = k.key
 cross join lateral (
        select m.*, row_number() over (partition by m.campaign order by m.entered_at desc, m.id desc) as nth
          from godwit.enrolments m
         where m.customer_id = c.id and m.shard = c.shard) n
 where n.ended_at is null or n.nth <= 10
 order by n.id
