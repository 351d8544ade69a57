-- Where the engine stands, and this transaction's snapshot
select s.shard, s.last::text, s.target::text, s.pos_xid::text, s.pos_id,
       pg_current_snapshot()::text
  from godwit.shards s
