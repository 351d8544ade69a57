-- Messages whose hits are to be judged again, each with its opens and clicks; a message without any
-- has one row of nulls. $1 messages at most, $2 hits of one at most
with w as materialized (
    select shard, message_id, at from godwit.rejudge order by at limit $1)
select w.shard, w.message_id, w.at, r.id, r.kind = 'click', r.at, r.url, r.human,
       r.details ->> 'agent', (r.details ->> 'delay_ms')::bigint, (r.details ->> 'link')::bigint,
       coalesce(r.details ->> 'method' = 'HEAD', false),
       coalesce(r.details -> 'prefetch' = 'true', false),
       coalesce(r.details -> 'decoy' = 'true', false), r.details ->> 'machine',
       (r.details ->> 'verdict')::bigint
  from w
  left join lateral (
        select * from godwit.responses r
         where r.message_id = w.message_id and r.shard = w.shard and r.kind in ('open', 'click')
           and r.details ? 'verdict'
         order by r.at, r.id limit $2) r on true
 order by w.shard, w.message_id, r.at, r.id
