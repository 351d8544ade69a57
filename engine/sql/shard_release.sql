-- $1 engine  $2 shards
update godwit.shards set owner = null, lease_until = null
 where owner = $1 and shard = any ($2::smallint[])
