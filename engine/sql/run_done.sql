-- $1 campaign  $2 at  $3 shard
delete from godwit.run_shards where campaign = $1 and at = $2 and shard = $3
