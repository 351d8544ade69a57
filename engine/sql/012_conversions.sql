-- SPDX-License-Identifier: Apache-2.0
-- Responses as events, conversions, and what came of campaigns.

-- ---- responses as events

create table godwit.watched_responses (
    kind  text primary key,
    event text not null
);
comment on table godwit.watched_responses is 'kinds of response that the loaded workspace looks at as events; set by the engine';

-- Takes note of which events the workspace names. What was watched already is not touched.
create function godwit.watch_responses(events text[]) returns void
    language plpgsql as $$
begin
    lock table godwit.watched_responses in share row exclusive mode;
    delete from godwit.watched_responses w where w.event <> all ($1);
    insert into godwit.watched_responses (kind, event)
    select k.kind, k.event
      from (values ('delivered', 'message.delivered'), ('open', 'message.opened'),
                   ('click', 'message.clicked'), ('bounce', 'message.bounced'),
                   ('complaint', 'message.complained'), ('unsubscribe', 'message.unsubscribed'),
                   ('reply', 'message.replied')) as k (kind, event)
     where k.event = any ($1)
    on conflict do nothing;
end $$;

-- In the transaction of the response: either both are there or neither. Opens and clicks of
-- machines are no events.
create function godwit.make_response_events() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from godwit.watched_responses) then
        insert into godwit.events (customer, name, properties, occurred_at)
        select c.key, w.event,
               jsonb_strip_nulls(jsonb_build_object(
                   'campaign', m.campaign, 'version', m.version, 'step', m.step,
                   'variant', m.variant, 'channel', m.channel, 'topic', m.topic, 'message', m.id,
                   'human', case when n.kind in ('open', 'click') then n.human end, 'url', n.url,
                   'class', n.details ->> 'class', 'reason', n.details ->> 'reason',
                   'source', n.details ->> 'source', 'text', n.details ->> 'text')),
               n.at
          from new_rows n
          join godwit.watched_responses w on w.kind = n.kind
          join godwit.messages m on m.shard = n.shard and m.id = n.message_id
          join godwit.customers c on c.shard = n.shard and c.id = n.customer_id
         where n.human is distinct from false
         order by n.id;
    end if;
    return null;
end $$;
create trigger make_events after insert on godwit.responses
    referencing new table as new_rows for each statement execute function godwit.make_response_events();

create function godwit.refuse_reserved_event() returns trigger
    language plpgsql as $$
begin
    raise exception 'events whose name begins with message. are Godwit''s own, not %', quote_literal(new.name)
        using errcode = 'invalid_parameter_value', hint = 'Give the event another name.';
end $$;
create trigger reserved before insert on godwit.events
    for each row when (new.name ^@ 'message.' and pg_trigger_depth() = 0)
    execute function godwit.refuse_reserved_event();

-- ---- conversions: responses of a kind of their own, written with the decision on the event

alter table godwit.responses
    add column event_id bigint,
    add column value numeric,
    add column share double precision,
    add column recorded_at timestamptz;
comment on column godwit.responses.event_id is 'of a conversion: the event that reached the goal';
comment on column godwit.responses.share is 'of a conversion: the part credited to this message; the parts of one event and campaign are 1 together';
comment on column godwit.responses.recorded_at is 'of a conversion: when it was written; `at` is when the event happened';
create index responses_recorded on godwit.responses (recorded_at) where kind = 'conversion';
create unique index responses_conversion on godwit.responses (shard, event_id, campaign, message_id)
    where kind = 'conversion';

create or replace view godwit.report_responses as
select r.message_id, c.key as customer, r.campaign, r.kind, r.at, r.url, r.human, r.details,
       r.event_id, r.value, r.share
  from godwit.responses r
  join godwit.customers c on c.shard = r.shard and c.id = r.customer_id;

-- In the log each stands where it was written: a conversion by a late event is seen by whoever
-- follows.
create or replace view godwit.report_log as
select m.shard, m.customer_id, coalesce(m.sent_at, m.sending_at, m.queued_at) as at,
       m.status as kind, m.campaign, c.key as customer, m.id as message_id, m.channel,
       null::text as url, null::boolean as human, m.reason
  from godwit.messages m
  join godwit.customers c on c.shard = m.shard and c.id = m.customer_id
union all
select r.shard, r.customer_id, r.at, r.kind, r.campaign, c.key, r.message_id, null, r.url, r.human,
       r.details ->> 'reason'
  from godwit.responses r
  join godwit.customers c on c.shard = r.shard and c.id = r.customer_id
 where r.kind <> 'conversion'
union all
select r.shard, r.customer_id, r.recorded_at, r.kind, r.campaign, c.key, r.message_id, null, null,
       null, concat_ws(', ', r.details ->> 'event', 'worth ' || trim_scale(r.value))
  from godwit.responses r
  join godwit.customers c on c.shard = r.shard and c.id = r.customer_id
 where r.kind = 'conversion'
union all
select d.shard, d.customer_id, d.at, d.outcome, d.campaign, c.key, null, null, null, null, d.reason
  from godwit.decisions d
  join godwit.customers c on c.shard = d.shard and c.id = d.customer_id;

-- ---- what came of each message, each counted once however often it was opened

create view godwit.message_outcomes as
select m.shard, m.id, m.customer_id, m.campaign, m.version, m.step, m.variant, m.channel, m.status,
       m.sent_at, m.queued_at, m.doubted_at,
       coalesce(r.delivered, false) as delivered,
       coalesce(r.opened, false) as opened, coalesce(r.opened_all, false) as opened_all,
       coalesce(r.clicked, false) as clicked, coalesce(r.clicked_all, false) as clicked_all,
       coalesce(r.replied, false) as replied, coalesce(r.unsubscribed, false) as unsubscribed,
       coalesce(r.complained, false) as complained, coalesce(r.bounced, false) as bounced,
       coalesce(r.converted, 0) as converted, r.value
  from godwit.messages m
  left join (
        select x.shard, x.message_id, x.campaign,
               bool_or(x.kind = 'delivered') as delivered,
               bool_or(x.kind = 'open' and x.human is distinct from false) as opened,
               bool_or(x.kind = 'open') as opened_all,
               bool_or(x.kind = 'click' and x.human is distinct from false) as clicked,
               bool_or(x.kind = 'click') as clicked_all,
               bool_or(x.kind = 'reply') as replied,
               bool_or(x.kind = 'unsubscribe') as unsubscribed,
               bool_or(x.kind = 'complaint') as complained,
               bool_or(x.kind = 'bounce') as bounced,
               sum(x.share) filter (where x.kind = 'conversion') as converted,
               sum(x.value) filter (where x.kind = 'conversion') as value
          from godwit.responses x
         group by 1, 2, 3) r
    on r.shard = m.shard and r.message_id = m.id and r.campaign = m.campaign;

create or replace view godwit.report_campaigns as
select o.campaign, o.version, count(*) as messages,
       count(distinct (o.shard, o.customer_id)) as customers,
       count(*) filter (where o.status = 'sent') as sent,
       count(*) filter (where o.status = 'held_out') as held_out,
       count(*) filter (where o.status = 'failed') as failed,
       count(*) filter (where o.doubted_at is not null) as doubted,
       count(*) filter (where o.bounced) as bounced,
       min(o.sent_at) as first_sent_at, max(o.sent_at) as last_sent_at,
       count(*) filter (where o.delivered) as delivered,
       count(*) filter (where o.opened) as opened,
       count(*) filter (where o.opened_all) as opened_all,
       count(*) filter (where o.clicked) as clicked,
       count(*) filter (where o.clicked_all) as clicked_all,
       count(*) filter (where o.replied) as replied,
       count(*) filter (where o.unsubscribed) as unsubscribed,
       count(*) filter (where o.complained) as complained,
       sum(o.converted) filter (where o.status <> 'held_out') as converted,
       sum(o.value) filter (where o.status <> 'held_out') as value
  from godwit.message_outcomes o
 group by o.campaign, o.version;

create view godwit.report_funnel as
select o.campaign, o.version, o.step, o.variant, o.channel,
       count(*) filter (where o.status = 'sent') as sent,
       count(*) filter (where o.delivered) as delivered,
       count(*) filter (where o.opened) as opened,
       count(*) filter (where o.opened_all) as opened_all,
       count(*) filter (where o.clicked) as clicked,
       count(*) filter (where o.clicked_all) as clicked_all,
       count(*) filter (where o.replied) as replied,
       sum(o.converted) as converted, sum(o.value) as value,
       count(*) filter (where o.unsubscribed) as unsubscribed,
       count(*) filter (where o.complained) as complained,
       count(*) filter (where o.bounced) as bounced
  from godwit.message_outcomes o
 where o.status <> 'held_out'
 group by 1, 2, 3, 4, 5;
comment on view godwit.report_funnel is 'messages by campaign, step and variant, and what became of them; those ending in _all count machines too';

create view godwit.report_links as
select m.campaign, m.version, m.step, m.variant, r.url,
       count(distinct m.customer_id) filter (where r.human is distinct from false) as customers,
       count(*) filter (where r.human is distinct from false) as clicks,
       count(*) as clicks_all
  from godwit.responses r
  join godwit.messages m on m.shard = r.shard and m.id = r.message_id
 where r.kind = 'click'
 group by 1, 2, 3, 4, 5;
comment on view godwit.report_links is 'which links were followed; clicks_all counts machines too';

-- ---- lift: those written to beside those held out

-- A customer who was written to or held out, and what was credited to that. The clock of both
-- begins when the message was, or would have been, sent.
create view godwit.goal_people as
select o.campaign, o.version, o.shard, o.customer_id, o.status = 'held_out' as held_out,
       bool_or(o.converted > 0) as converted, coalesce(sum(o.value), 0) as value
  from godwit.message_outcomes o
  join godwit.campaign_versions v on v.campaign = o.campaign and v.version = o.version
 where o.status in ('sent', 'in_doubt', 'held_out') and v.goal_event is not null
 group by 1, 2, 3, 4, 5;

-- The difference of two shares with its 95 % interval: Newcombe's, from Wilson's intervals of the
-- shares. It holds for small groups and for shares near 0 or 1 too. Null when a group is empty.
create function godwit.share_interval(yes bigint, of bigint, out low double precision,
                                      out high double precision)
    language sql immutable parallel safe as $$
    select case when n > 0 then greatest(0, (c - h) / d) end,
           case when n > 0 then least(1, (c + h) / d) end
      from (select n, p + z * z / (2 * n) as c,
                   z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) as h, 1 + z * z / n as d
              from (select 1.959963985::double precision as z,
                           nullif($2, 0)::double precision as n,
                           $1::double precision / nullif($2, 0) as p) x) y
$$;
create function godwit.lift_interval(treated_yes bigint, treated bigint, held_yes bigint, held bigint,
                                     out lift double precision, out low double precision,
                                     out high double precision)
    language sql immutable parallel safe as $$
    select p - q, p - q - sqrt((p - a.low) ^ 2 + (b.high - q) ^ 2),
           p - q + sqrt((a.high - p) ^ 2 + (q - b.low) ^ 2)
      from (select $1::double precision / nullif($2, 0) as p,
                   $3::double precision / nullif($4, 0) as q) x,
           godwit.share_interval($1, $2) a, godwit.share_interval($3, $4) b
$$;
comment on function godwit.lift_interval is 'the difference of two shares and the 95 % interval that holds it (Newcombe)';

-- By campaign and version, or (version null) by campaign, where a customer counts once.
create function godwit.lift(by_version boolean)
    returns table (campaign text, version text, treated bigint, treated_converted bigint,
                   held_out bigint, held_out_converted bigint, treated_rate numeric,
                   held_out_rate numeric, lift numeric, lift_low double precision,
                   lift_high double precision, treated_value numeric, held_out_value numeric,
                   value_lift numeric, value_lift_low numeric, value_lift_high numeric)
    language sql stable as $$
    with people as (
        select p.campaign, case when by_version then p.version end as version, p.held_out,
               bool_or(p.converted) as converted, sum(p.value) as value
          from godwit.goal_people p
         group by 1, 2, 3, p.shard, p.customer_id),
    counted as (
        select p.campaign, p.version,
               count(*) filter (where not p.held_out) as n,
               count(*) filter (where not p.held_out and p.converted) as yes,
               count(*) filter (where p.held_out) as held_n,
               count(*) filter (where p.held_out and p.converted) as held_yes,
               avg(p.converted::int) filter (where not p.held_out) as rate,
               avg(p.converted::int) filter (where p.held_out) as held_rate,
               sum(p.value) filter (where not p.held_out) as value,
               sum(p.value) filter (where p.held_out) as held_value,
               avg(p.value) filter (where not p.held_out)
                   - avg(p.value) filter (where p.held_out) as gain,
               1.959963985 * sqrt(var_samp(p.value) filter (where not p.held_out)
                                      / nullif(count(*) filter (where not p.held_out), 0)
                                  + var_samp(p.value) filter (where p.held_out)
                                      / nullif(count(*) filter (where p.held_out), 0)) as give
          from people p
         group by 1, 2)
    select c.campaign, c.version, c.n, c.yes, c.held_n, c.held_yes, c.rate, c.held_rate,
           c.rate - c.held_rate, i.low, i.high, coalesce(c.value, 0), coalesce(c.held_value, 0),
           c.gain, c.gain - c.give, c.gain + c.give
      from counted c, godwit.lift_interval(c.yes, c.n, c.held_yes, c.held_n) i
$$;

create or replace view godwit.report_lift as
select * from godwit.lift(true);
