-- Messages that goals which customers reached may be credited to, and what their readers had done
-- by then. Side by side: $1 shards, $2 customer keys, $3 events, $4 when they happened; $5 the
-- longest time of a goal, in us. One index look an event, and one a message: `offset 0` keeps it
-- so in a plan that was made while the tables were small.
select g.n::int, m.id, m.campaign, m.held_out, m.at, r.first_open, r.last_open, r.first_click,
       r.last_click
  from unnest($1::smallint[], $2::text[], $3::bigint[], $4::timestamptz[])
       with ordinality as g (shard, key, event_id, at, n)
  join godwit.customers c on c.shard = g.shard and c.key = g.key
 cross join lateral (
        select x.shard, x.id, x.campaign, x.status = 'held_out' as held_out,
               coalesce(x.sent_at, x.sending_at, x.queued_at) as at
          from godwit.messages x
         where x.customer_id = c.id and x.shard = c.shard
           and x.status in ('sent', 'sending', 'in_doubt', 'held_out')
           and x.event_id is distinct from g.event_id
        offset 0) m
  left join lateral (
        select min(x.at) filter (where x.kind = 'open') as first_open,
               max(x.at) filter (where x.kind = 'open') as last_open,
               min(x.at) filter (where x.kind = 'click') as first_click,
               max(x.at) filter (where x.kind = 'click') as last_click
          from godwit.responses x
         where x.message_id = m.id and x.shard = m.shard and x.kind in ('open', 'click')
           and x.human is distinct from false and x.at <= g.at) r on true
 where m.at < g.at and m.at >= g.at - $5::bigint * interval '1 microsecond'
 order by g.n, m.campaign, m.id
