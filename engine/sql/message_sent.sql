-- Messages that were accepted. Only the lease under which they were marked may say so.
-- Side by side: $1 ids, $2 shards, $3 leases, $4 provider ids, $5 segments of an SMS, or 0
-- $6 now  $7 cost of a segment, or 0
update godwit.messages m
   set status = 'sent', reason = null, due_at = null, sent_at = $6::timestamptz,
       provider_id = coalesce(r.provider_id, m.provider_id),
       segments = coalesce(nullif(r.segments, 0), m.segments),
       cost = case when r.segments > 0 and $7::float8 > 0
                   then coalesce(m.cost, 0) + r.segments * $7::float8::numeric else m.cost end
  from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::text[], $5::smallint[])
       as r (id, shard, lease, provider_id, segments)
 where m.shard = r.shard and m.id = r.id and m.status = 'sending' and m.lease = r.lease
