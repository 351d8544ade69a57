-- Messages that goals which customers reached may be credited to, and what their readers had done
-- by then. Side by side: $1 shards, $2 customer keys, $3 events, $4 when they happened; $5 the
-- longest time of a goal, in us. One index look an event, and one a message.
select g.n::int, m.id, m.campaign, m.status = 'held_out' as held_out, s.at, r.first_open, r.last_open,
       r.first_click, r.last_click
  from unnest($1::smallint[], $2::text[], $3::bigint[], $4::timestamptz[])
       with ordinality as g (shard, key, event_id, at, n)
  join godwit.customers c on c.shard = g.shard and c.key = g.key
  join godwit.messages m on m.customer_id = c.id and m.shard = c.shard
 cross join lateral (select coalesce(m.sent_at, m.sending_at, m.queued_at) as at) s
  left join lateral (
        select min(x.at) filter (where x.kind = 'open') as first_open,
               max(x.at) filter (where x.kind = 'open') as last_open,
               min(x.at) filter (where x.kind = 'click') as first_click,
               max(x.at) filter (where x.kind = 'click') as last_click
          from godwit.responses x
         where x.message_id = m.id and x.shard = m.shard and x.kind in ('open', 'click')
           and x.human is distinct from false and x.at <= g.at) r on true
 where m.status in ('sent', 'sending', 'in_doubt', 'held_out')
   and s.at < g.at and s.at >= g.at - $5::bigint * interval '1 microsecond'
   and m.event_id is distinct from g.event_id
 order by g.n, m.campaign, m.id
