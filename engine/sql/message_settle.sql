-- What came of messages that were not accepted. Only the lease under which they were marked may
-- say so. A refusal leaves a bounce, and what follows from its class.
-- Side by side: $1 ids, $2 shards, $3 leases, $4 provider ids, $5 segments of an SMS, or 0,
-- $6 status, $7 reason, $8 due, $9 attempts given back (0 or 1), $10 in doubt, $11 classes of
-- bounces, or null, $12 held against our reputation, $13 enhanced statuses
-- $14 soft bounces at most  $15 within at least, us  $16 pause of a domain, us
with settled as (
    update godwit.messages m
       set status = r.status, reason = r.reason,
           provider_id = coalesce(r.provider_id, m.provider_id),
           segments = coalesce(nullif(r.segments, 0), m.segments),
           due_at = r.due_at, attempts = m.attempts - r.given_back, sent_at = null,
           doubted_at = case when r.doubted then now() else m.doubted_at end
      from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::text[], $5::smallint[],
                  $6::text[], $7::text[], $8::timestamptz[], $9::smallint[], $10::boolean[],
                  $11::text[], $12::boolean[], $13::text[])
           as r (id, shard, lease, provider_id, segments, status, reason, due_at, given_back,
                 doubted, class, reputation, enhanced)
     where m.shard = r.shard and m.id = r.id and m.status = 'sending' and m.lease = r.lease
    returning m.shard, m.id, m.address, r.reason, r.class, r.reputation, r.enhanced),
bounces as materialized (
    select godwit.record_bounce(shard, id, class, reputation,
                                jsonb_build_object('reason', reason, 'status', enhanced),
                                $14::integer, $15::bigint * interval '1 microsecond',
                                $16::bigint * interval '1 microsecond')
      from (select * from settled where class is not null
             order by substring(address from '[^@]*$'), id) in_order)
select (select count(*) from settled), (select count(*) from bounces)
