-- Where the cursor of our shards is, as committed. $1 engine  $2 shards
select s.shard, s.fence, s.last::text, s.target::text, s.pos_xid::text, s.pos_id
  from godwit.shards s where s.owner = $1 and s.shard = any ($2::smallint[])
