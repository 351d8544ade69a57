-- $1 shard  $2 event  $3 reason
insert into godwit.refused_events (shard, event_id, reason) values ($1, $2, $3)
on conflict do nothing
