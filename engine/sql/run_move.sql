-- $1 campaign  $2 at  $3 shard  $4 behind this customer
update godwit.run_shards set after_id = $4
 where campaign = $1 and at = $2 and shard = $3
