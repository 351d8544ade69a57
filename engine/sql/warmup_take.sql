-- How many of the messages wanted a channel may send today. $1 channel  $2 on the first day
-- $3 growth  $4 wanted
select godwit.warmup_take($1::text, $2::bigint, $3::double precision, $4::bigint)
