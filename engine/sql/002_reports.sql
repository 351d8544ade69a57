-- SPDX-License-Identifier: Apache-2.0
-- What came of it: responses, and the views for analysts.

create table godwit.responses (
    shard       smallint not null,
    id          bigint generated always as identity,
    message_id  bigint not null,
    customer_id bigint not null,
    campaign    text not null,
    kind        text not null check (kind in ('delivered', 'open', 'click', 'bounce', 'complaint',
                                              'unsubscribe', 'reply', 'conversion')),
    at          timestamptz not null default now(),
    url         text,
    human       boolean,
    details     jsonb not null default '{}',
    primary key (shard, id)
);
create index responses_message on godwit.responses (message_id, shard);
create index responses_customer on godwit.responses (customer_id, shard, at);
comment on column godwit.responses.human is 'false: a scanner or proxy; null: the question does not arise';

alter table godwit.campaign_versions
    add column goal_event text,
    add column goal_within interval;

create view godwit.report_responses as
select r.message_id, c.key as customer, r.campaign, r.kind, r.at, r.url, r.human, r.details
  from godwit.responses r
  join godwit.customers c on c.shard = r.shard and c.id = r.customer_id;

create view godwit.report_campaigns as
select m.campaign, m.version, count(*) as messages, count(distinct (m.shard, m.customer_id)) as customers,
       count(*) filter (where m.status = 'sent') as sent,
       count(*) filter (where m.status = 'held_out') as held_out,
       count(*) filter (where m.status = 'failed') as failed,
       count(*) filter (where m.doubted_at is not null) as doubted,
       count(*) filter (where exists (select from godwit.responses r
                                       where r.shard = m.shard and r.message_id = m.id
                                         and r.kind = 'bounce')) as bounced,
       min(m.sent_at) as first_sent_at, max(m.sent_at) as last_sent_at
  from godwit.messages m
 group by m.campaign, m.version;

-- Those who were written to beside those who were held out, from the same instant: who did what
-- the campaign's goal names, within its time.
create view godwit.report_lift as
with entered as (
    select m.campaign, m.version, m.shard, m.customer_id, m.status = 'held_out' as held_out,
           min(coalesce(m.sent_at, m.queued_at)) as at
      from godwit.messages m
     where m.status in ('sent', 'held_out')
     group by 1, 2, 3, 4, 5),
outcomes as (
    select n.campaign, n.version, n.held_out,
           exists (select from godwit.customers c
                     join godwit.events e on e.shard = c.shard and e.customer = c.key
                    where c.shard = n.shard and c.id = n.customer_id and e.name = v.goal_event
                      and e.occurred_at > n.at and e.occurred_at <= n.at + v.goal_within) as converted
      from entered n
      join godwit.campaign_versions v on v.campaign = n.campaign and v.version = n.version
     where v.goal_event is not null)
select campaign, version,
       count(*) filter (where not held_out) as treated,
       count(*) filter (where not held_out and converted) as treated_converted,
       count(*) filter (where held_out) as held_out,
       count(*) filter (where held_out and converted) as held_out_converted,
       avg(converted::int) filter (where not held_out) as treated_rate,
       avg(converted::int) filter (where held_out) as held_out_rate,
       avg(converted::int) filter (where not held_out)
           - avg(converted::int) filter (where held_out) as lift
  from outcomes
 group by campaign, version;

-- Of the customers who did something for the first time in a month, how many did it again so
-- many months later.
create view godwit.report_cohorts as
with months as (
    select e.name, e.shard, e.customer, date_trunc('month', e.occurred_at, 'UTC') as month,
           count(*) as events
      from godwit.events e
     group by 1, 2, 3, 4),
firsts as (
    select *, min(month) over (partition by name, shard, customer) as cohort from months)
select name as event, (cohort at time zone 'UTC')::date as cohort,
       ((extract(year from month at time zone 'UTC') - extract(year from cohort at time zone 'UTC')) * 12
        + extract(month from month at time zone 'UTC')
        - extract(month from cohort at time zone 'UTC'))::integer as months_later,
       count(*) as customers, sum(events)::bigint as events
  from firsts
 group by 1, 2, 3;

-- Recency, frequency and value of each customer under each event name, as quintiles (5 is best).
-- Value is the sum of the property `amount`.
create view godwit.report_rfm as
with sums as (
    select e.name as event, e.customer, max(e.occurred_at) as last_at, count(*) as frequency,
           sum(case when jsonb_typeof(e.properties -> 'amount') = 'number'
                    then (e.properties ->> 'amount')::numeric end) as monetary
      from godwit.events e
     group by 1, 2)
select event, customer, last_at, frequency, monetary,
       ntile(5) over (partition by event order by last_at, customer) as r,
       ntile(5) over (partition by event order by frequency, customer) as f,
       ntile(5) over (partition by event order by monetary nulls first, customer) as m
  from sums;
