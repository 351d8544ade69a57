-- SPDX-License-Identifier: Apache-2.0
-- What an SMS cost: its segments at the channel's `segment_cost` when it was sent.
alter table godwit.messages add column cost numeric(14, 6);
comment on column godwit.messages.cost is 'in the workspace''s currency; null: not known';

create or replace view godwit.report_messages as
select m.id as message_id, c.key as customer, m.campaign, m.version, m.step, m.variant, m.channel,
       m.address, m.status, m.reason, m.event_id as triggered_by, m.queued_at, m.sent_at,
       m.attempts, m.provider_id, m.topic, m.template, m.locale, m.due_at, m.doubted_at,
       m.segments, m.cost
  from godwit.messages m
  join godwit.customers c on c.shard = m.shard and c.id = m.customer_id;
