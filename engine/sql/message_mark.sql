-- side by side: $1 ids, $2 shards, $3 leases, $4 template hashes, $5 topic defaults
select godwit.mark_sending($1::bigint[], $2::smallint[], $3::bigint[], $4::text[], $5::boolean[])
