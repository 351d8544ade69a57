-- What came of messages. Only the lease under which they were marked may say so. A refused
-- address leaves a bounce and, when nobody is there, is suppressed.
-- Side by side: $1 ids, $2 shards, $3 leases, $4 status, $5 reason, $6 provider ids, $7 due,
-- $8 attempts given back (0 or 1), $9 in doubt, $10 bounced (0; 1; 2: suppress),
-- $11 segments of an SMS, or 0; $12 now
with settled as (
    update godwit.messages m
       set status = r.status, reason = r.reason,
           provider_id = coalesce(r.provider_id, m.provider_id),
           segments = coalesce(nullif(r.segments, 0), m.segments),
           due_at = r.due_at, attempts = m.attempts - r.given_back,
           sent_at = case when r.status = 'sent' then $12::timestamptz end,
           doubted_at = case when r.doubted then now() else m.doubted_at end
      from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                  $7::timestamptz[], $8::smallint[], $9::boolean[], $10::smallint[], $11::smallint[])
           as r (id, shard, lease, status, reason, provider_id, due_at, given_back, doubted, bounced, segments)
     where m.shard = r.shard and m.id = r.id and m.status = 'sending' and m.lease = r.lease
    returning m.shard, m.id, m.customer_id, m.campaign, m.channel, m.address, r.reason, r.bounced),
bounces as (
    insert into godwit.responses (shard, message_id, customer_id, campaign, kind, details)
    select shard, id, customer_id, campaign, 'bounce', jsonb_build_object('reason', reason)
      from settled where bounced > 0),
hard as (
    insert into godwit.suppressions (channel, address_hash, reason)
    select distinct on (1, 2) channel, godwit.address_hash(address), 'hard bounce: ' || reason
      from settled where bounced = 2
    on conflict do nothing)
select count(*) from settled
