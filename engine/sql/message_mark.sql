-- side by side: $1 ids, $2 shards, $3 leases, $4 template hashes, $5 topic defaults,
-- $6 customers, $7 campaigns, $8 topics, $9 addresses; $10 channel
select godwit.mark_sending($10, $1::bigint[], $2::smallint[], $3::bigint[], $4::text[],
                           $5::boolean[], $6::bigint[], $7::text[], $8::text[], $9::text[])
