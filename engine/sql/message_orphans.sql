-- Messages of shards taken over that an engine before us had marked as sending, and
-- whose end nobody knows, unless their provider has reported on them meanwhile. $1 shards, $2 our
-- fences: side by side; $3 channels whose setting is in_doubt: resend. Those that are in doubt.
with ended as (
    update godwit.messages m
       set status = case when k.reported then 'sent'
                         when m.channel = any ($3::text[]) then 'queued' else 'in_doubt' end,
           due_at = case when not k.reported and m.channel = any ($3::text[]) then now() end,
           sent_at = case when k.reported then m.sending_at end,
           doubted_at = now(),
           reason = case when k.reported then 'in doubt, until the provider reported on it'
                         else 'in doubt: the engine ended after it may have been handed over' end
      from (select n.shard, n.id,
                   exists (select from godwit.responses r
                            where r.message_id = n.id and r.shard = n.shard
                              and r.kind in ('delivered', 'bounce')) as reported
              from unnest($1::smallint[], $2::bigint[]) as o (shard, fence)
              join godwit.messages n on n.due_at is not null and n.shard = o.shard
                                    and n.status = 'sending' and n.lease < o.fence) k
     where m.shard = k.shard and m.id = k.id and m.status = 'sending'
    returning m.shard, m.id, m.channel, m.status)
select * from ended where status <> 'sent'
