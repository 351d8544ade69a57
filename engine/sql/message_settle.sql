-- What came of messages. Only the lease under which they were marked may say so.
-- Side by side: $1 ids, $2 shards, $3 leases, $4 status, $5 reason, $6 provider ids,
-- $7 due, $8 attempts given back (0 or 1)
update godwit.messages m
   set status = r.status, reason = r.reason, provider_id = coalesce(r.provider_id, m.provider_id),
       due_at = r.due_at, attempts = m.attempts - r.given_back,
       sent_at = case when r.status = 'sent' then now() end,
       doubted_at = case when r.doubted then now() else m.doubted_at end
  from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
              $7::timestamptz[], $8::smallint[], $9::boolean[])
       as r (id, shard, lease, status, reason, provider_id, due_at, given_back, doubted)
 where m.shard = r.shard and m.id = r.id and m.status = 'sending' and m.lease = r.lease
returning m.id
