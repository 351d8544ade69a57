-- What came of messages. Only the lease under which they were marked may say so. A refusal
-- leaves a bounce, and what follows from its class.
-- Side by side: $1 ids, $2 shards, $3 leases, $4 status, $5 reason, $6 provider ids, $7 due,
-- $8 attempts given back (0 or 1), $9 in doubt, $10 classes of bounces, or null,
-- $11 segments of an SMS, or 0, $12 held against our reputation, $13 enhanced statuses
-- $14 soft bounces at most  $15 within at least, us  $16 pause of a domain, us  $17 now
-- $18 cost of a segment, or 0
with settled as (
    update godwit.messages m
       set status = r.status, reason = r.reason,
           provider_id = coalesce(r.provider_id, m.provider_id),
           segments = coalesce(nullif(r.segments, 0), m.segments),
           cost = case when r.status = 'sent' and r.segments > 0 and $18::float8 > 0
                       then coalesce(m.cost, 0) + r.segments * $18::float8::numeric else m.cost end,
           due_at = r.due_at, attempts = m.attempts - r.given_back,
           sent_at = case when r.status = 'sent' then $17::timestamptz end,
           doubted_at = case when r.doubted then now() else m.doubted_at end
      from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                  $7::timestamptz[], $8::smallint[], $9::boolean[], $10::text[], $11::smallint[],
                  $12::boolean[], $13::text[])
           as r (id, shard, lease, status, reason, provider_id, due_at, given_back, doubted, class,
                 segments, reputation, enhanced)
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
