-- A mail that came in. $1 digest of its name  $2 kind  $3 shard and $4 id of the message, or null
-- $5 class of a bounce  $6 held against our reputation  $7 details  $8 who wrote it  $9 subject
-- $10 its beginning  $11 soft bounces at most  $12 within at least, us  $13 pause of a domain, us
select godwit.take_inbound($1::bytea, $2::text, $3::smallint, $4::bigint, $5::text, $6::boolean,
                           $7::jsonb, $8::text, $9::text, $10::bytea, $11::integer,
                           $12::bigint * interval '1 microsecond',
                           $13::bigint * interval '1 microsecond')
