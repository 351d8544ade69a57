-- Hits on messages, judged by the delay since they were handed over; those on messages that are
-- no longer there leave no row. Side by side: $1 shards, $2 messages, $3 kinds, $4 at, $5 URLs,
-- $6 why a machine's ($7 when it came sooner than $9 ms), null for a person's; $8 details, as the
-- inside of a JSON object. Returns how many clicks, opens and machines' hits were written
with written as (
    insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, url, human, details)
    select k.shard, k.message, m.customer_id, m.campaign, k.kind, k.at, k.url,
           case when k.at < coalesce(m.sent_at, m.sending_at, m.queued_at) + $9 * interval '1 ms'
                then k.machine_soon else k.machine end is null,
           ('{"delay_ms":'
            || floor(greatest(date_part('epoch', k.at - coalesce(m.sent_at, m.sending_at, m.queued_at)),
                              0) * 1000)::bigint
            || coalesce(',"machine":"'
                        || case when k.at < coalesce(m.sent_at, m.sending_at, m.queued_at)
                                            + $9 * interval '1 ms'
                                then k.machine_soon else k.machine end || '"', '')
            || k.details || '}')::jsonb
      from unnest($1::smallint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[],
                  $6::text[], $7::text[], $8::text[])
               as k (shard, message, kind, at, url, machine, machine_soon, details)
      join godwit.messages m on m.shard = k.shard and m.id = k.message
    returning kind, human)
select count(*) filter (where kind = 'click'), count(*) filter (where kind = 'open'),
       count(*) filter (where not human)
  from written
