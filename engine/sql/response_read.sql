-- Messages that hits are about. Side by side: $1 shards, $2 messages
select k.n, m.customer_id, m.campaign, coalesce(m.sent_at, m.sending_at, m.queued_at) as sent_at
  from unnest($1::smallint[], $2::bigint[]) with ordinality as k (shard, id, n)
  join godwit.messages m on m.shard = k.shard and m.id = k.id
