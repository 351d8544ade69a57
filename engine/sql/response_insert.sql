-- Hits on messages, judged by the delay since they were handed over; those on messages that are
-- no longer there leave no row. Side by side: $1 shards, $2 messages, $3 kinds, $4 at, $5 URLs,
-- $6 why a machine's ($7 when it came sooner than $10 ms), null for a person's; $8 details, as the
-- inside of a JSON object; $9 whether the message's hits are to be judged again, all together
with k as materialized (
    select * from unnest($1::smallint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[],
                         $6::text[], $7::text[], $8::text[], $9::boolean[])
               as k (shard, message, kind, at, url, machine, machine_soon, details, telling)),
again as (
    insert into godwit.rejudge as r (shard, message_id)
    select distinct k.shard, k.message from k where k.telling order by 1, 2
    on conflict (shard, message_id) do update set at = excluded.at)
insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, url, human, details)
select k.shard, k.message, m.customer_id, m.campaign, k.kind, k.at, k.url, v.machine is null,
       ('{"delay_ms":' || d.ms || coalesce(',"machine":"' || v.machine || '"', '') || k.details || '}')::jsonb
  from k
  join godwit.messages m on m.shard = k.shard and m.id = k.message
 cross join lateral (select greatest((extract(epoch from k.at - coalesce(m.sent_at, m.sending_at, m.queued_at))
                                      * 1000)::bigint, 0) as ms) d
 cross join lateral (select case when d.ms < $10 then k.machine_soon else k.machine end as machine) v
returning kind = 'click', human
