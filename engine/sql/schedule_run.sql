-- $1 campaign  $2 the instant that was next  $3 the instant of the run  $4 instants that were missed
-- $5 the next one
select godwit.run_schedule($1::text, $2::timestamptz, $3::timestamptz, $4::integer, $5::timestamptz)
