-- Messages that make room. Side by side: $1 shards  $2 customers  $3 campaigns  $4 steps
-- $5 occurrences  $6 reasons
select godwit.displace($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
