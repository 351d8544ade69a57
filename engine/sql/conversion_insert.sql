-- Side by side: $1 shards, $2 messages, $3 customers, $4 campaigns, $5 at, $6 events, $7 values (of
-- the event, or null), $8 among how many messages it is divided, $9 details. An event counts once
-- for a campaign, also when the cursor was set back. The limit keeps the look one by index, also in
-- a plan that was made while the table was empty.
insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, event_id, value,
                              share, recorded_at, details)
select n.shard, n.message_id, n.customer_id, n.campaign, 'conversion', n.at, n.event_id,
       n.value::numeric / n.parts, 1.0 / n.parts, now(), n.details
  from unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::text[], $5::timestamptz[],
              $6::bigint[], $7::text[], $8::bigint[], $9::jsonb[])
       as n (shard, message_id, customer_id, campaign, at, event_id, value, parts, details)
  left join lateral (
        select true as there from godwit.responses r
         where r.shard = n.shard and r.event_id = n.event_id and r.campaign = n.campaign
           and r.kind = 'conversion'
         limit 1) known on true
 where known.there is null
on conflict do nothing
