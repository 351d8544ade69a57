-- $1 engine  $2 shards  $3 fences  $4 last  $5 target or null  $6 xid or null  $7 id
select godwit.advance($1::bigint, $2::smallint[], $3::bigint[], $4::text::pg_snapshot,
                      $5::text::pg_snapshot, $6::text::xid8, $7::bigint)
