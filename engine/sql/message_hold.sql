-- $1 channel  $2 shards  $3 now
select godwit.hold_paused($1, $2::smallint[], $3)
