-- Timers that nobody touched meanwhile. Side by side: $1 shards  $2 customers
-- $3 due at  $4 touched, as it was read  $5 generations
update godwit.timers t set due_at = n.due_at, generation = n.generation
  from unnest($1::smallint[], $2::bigint[], $3::timestamptz[], $4::bigint[], $5::bigint[])
       as n (shard, customer_id, due_at, touched, generation)
 where t.shard = n.shard and t.customer_id = n.customer_id and t.what = 'segments'
   and t.touched = n.touched
