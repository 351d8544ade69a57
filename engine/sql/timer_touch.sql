-- Something happened to these customers. Side by side: $1 shards  $2 customers
select godwit.touch($1::smallint[], $2::bigint[])
