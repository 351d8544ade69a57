-- Into the outbox. The unique key absorbs a repetition. All side by side. What is to be sent
-- and has no instant is due now, by the database's clock: one that all engines share.
insert into godwit.messages (shard, customer_id, campaign, step, occurrence, version, channel,
                             topic, address, locale, template, input, event_id, status, reason,
                             due_at, expires_at, variant, queued_at)
select w.shard, w.customer_id, w.campaign, w.step, w.occurrence, w.version, w.channel, w.topic,
       w.address, w.locale, w.template, w.input, w.event_id, w.status, w.reason,
       case when w.status = 'queued' then coalesce(w.due_at, now()) end, w.expires_at, w.variant,
       w.queued_at
  from unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
              $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::jsonb[],
              $13::bigint[], $14::text[], $15::text[], $16::timestamptz[], $17::timestamptz[],
              $18::text[], $19::timestamptz[])
       as w (shard, customer_id, campaign, step, occurrence, version, channel, topic, address,
             locale, template, input, event_id, status, reason, due_at, expires_at, variant,
             queued_at)
on conflict (shard, customer_id, campaign, step, occurrence) do nothing
