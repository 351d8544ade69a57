-- SPDX-License-Identifier: Apache-2.0
-- What happens later, or because something did not happen: people in journeys, timers of absences
-- and dates, campaigns for a whole segment, and what the database tells of changes to customers.

-- ---- people in journeys

create sequence godwit.enrolment_id;
create table godwit.enrolments (
    shard            smallint not null,
    id               bigint not null default nextval('godwit.enrolment_id'),
    customer_id      bigint not null,
    campaign         text not null,
    version          text not null,
    occurrence       text not null,
    entered_at       timestamptz not null,
    event_id         bigint,
    event_name       text,
    event_at         timestamptz,
    event_properties jsonb,
    step             text not null,
    waiting          boolean not null,
    wake_at          timestamptz,
    paused           boolean not null default false,
    variant          text,
    ended_at         timestamptz,
    ended            text,
    end_detail       text,
    primary key (shard, id),
    check ((ended_at is null) = (wake_at is not null) and (ended_at is null) = (ended is null))
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
comment on table godwit.enrolments is 'one row an entry into a journey; it keeps the version it was entered with';
comment on column godwit.enrolments.occurrence is 'names the entry: what its messages are unique by';
comment on column godwit.enrolments.event_name is 'a copy of the event that started it, which outlives the event itself';
comment on column godwit.enrolments.step is 'the one to be done next, or in which it waits; empty: behind the last';
comment on column godwit.enrolments.paused is 'its time has come, and its campaign is held back';
-- nobody is in one journey twice
create unique index enrolments_inside on godwit.enrolments (customer_id, campaign, shard)
    where ended_at is null;
create unique index enrolments_customer on godwit.enrolments (customer_id, campaign, occurrence, shard);
create index enrolments_due on godwit.enrolments (wake_at) where ended_at is null and not paused;
create index enrolments_paused on godwit.enrolments (campaign) where paused;
-- which versions people are inside of
create index enrolments_versions on godwit.enrolments (campaign, version) where ended_at is null;

-- ---- absences and dates

create table godwit.campaign_timers (
    shard       smallint not null,
    customer_id bigint not null,
    campaign    text not null,
    due_at      timestamptz not null,
    since       timestamptz,
    event_id    bigint,
    paused      boolean not null default false,
    primary key (customer_id, campaign, shard)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
comment on table godwit.campaign_timers is 'when a campaign that starts with an absence or a date looks at a customer';
comment on column godwit.campaign_timers.due_at is 'infinity: not before something happens; -infinity: it is to be set';
comment on column godwit.campaign_timers.since is 'when the last event was that it counts from';
create index campaign_timers_due on godwit.campaign_timers (due_at)
    where due_at < 'infinity' and not paused;
create index campaign_timers_paused on godwit.campaign_timers (campaign) where paused;

create table godwit.armed (
    campaign   text primary key,
    definition text not null,
    since      timestamptz not null default now()
);
comment on table godwit.armed is 'campaigns whose timers were set for everybody, and the trigger they were set for';

-- Takes note of the campaigns that have timers. For one that is new, or whose trigger has changed,
-- everybody's timer is to be set; returns how many those are. Side by side: campaigns, definitions.
create function godwit.arm_campaigns(campaigns text[], definitions text[])
    returns table (campaign text, timers bigint)
    language plpgsql as $$
declare
    n record;
    gone text[];
begin
    lock table godwit.armed in share row exclusive mode;
    with gone_now as (delete from godwit.armed a where a.campaign <> all ($1) returning a.campaign)
    select array_agg(g.campaign) into gone from gone_now g;
    if gone is not null then
        delete from godwit.campaign_timers t where t.campaign = any (gone);
    end if;
    for n in
        select u.campaign, u.definition from unnest($1, $2) as u (campaign, definition)
         where not exists (select from godwit.armed a
                            where a.campaign = u.campaign and a.definition = u.definition)
         order by 1
    loop
        insert into godwit.armed as a (campaign, definition) values (n.campaign, n.definition)
        on conflict on constraint armed_pkey
            do update set definition = excluded.definition, since = now();
        insert into godwit.campaign_timers as t (shard, customer_id, campaign, due_at)
        select c.shard, c.id, n.campaign, '-infinity' from godwit.customers c order by 1, 2
        on conflict on constraint campaign_timers_pkey
            do update set due_at = '-infinity', since = null, event_id = null, paused = false;
        get diagnostics timers = row_count;
        campaign := n.campaign;
        return next;
    end loop;
end $$;

-- ---- campaigns for a whole segment at once

create table godwit.schedules (
    campaign   text primary key,
    definition text not null,
    next_at    timestamptz not null
);
comment on table godwit.schedules is 'when a campaign with a schedule runs next; infinity: never again';

create table godwit.runs (
    campaign   text not null,
    at         timestamptz not null,
    missed     integer not null default 0,
    started_by text,
    made_at    timestamptz not null default now(),
    primary key (campaign, at)
);
comment on table godwit.runs is 'each time that a campaign was for everybody in its audience: by schedule, at an instant, or by hand';
comment on column godwit.runs.missed is 'earlier instants of the schedule that passed while no engine ran; this run is for them as well';
comment on column godwit.runs.started_by is 'who called godwit send; null: the schedule';

create table godwit.run_shards (
    campaign text not null,
    at       timestamptz not null,
    shard    smallint not null,
    after_id bigint not null default 0,
    primary key (shard, at, campaign),
    foreign key (campaign, at) references godwit.runs
) with (fillfactor = 50);
comment on table godwit.run_shards is 'what is left of runs: customers of the shard behind after_id';

-- False: there is such a run.
create function godwit.start_run(of_campaign text, of_at timestamptz, of_missed integer, by text)
    returns boolean
    language plpgsql as $$
begin
    insert into godwit.runs (campaign, at, missed, started_by)
    values (of_campaign, of_at, of_missed, by) on conflict do nothing;
    if not found then
        return false;
    end if;
    insert into godwit.run_shards (campaign, at, shard)
    select of_campaign, of_at, s from generate_series(0, 63) as s;
    if exists (select from godwit.engines where asleep) then
        notify godwit;
    end if;
    return true;
end $$;

-- The instant of a schedule has come: a run, once whatever the number of engines. False: another
-- engine was first.
create function godwit.run_schedule(of_campaign text, was timestamptz, of_at timestamptz,
                                    of_missed integer, following timestamptz) returns boolean
    language plpgsql as $$
begin
    update godwit.schedules s set next_at = following
     where s.campaign = of_campaign and s.next_at = was;
    return found and godwit.start_run(of_campaign, of_at, of_missed, null);
end $$;

-- Takes note of schedules. One that is new or has changed begins with its next instant.
-- Side by side: campaigns, definitions, next instants.
create function godwit.note_schedules(campaigns text[], definitions text[], next timestamptz[])
    returns void
    language sql as $$
    delete from godwit.schedules s where s.campaign <> all ($1);
    delete from godwit.run_shards r where r.campaign <> all ($1);
    insert into godwit.schedules as s (campaign, definition, next_at)
    select * from unnest($1, $2, $3)
    on conflict (campaign) do update
        set definition = excluded.definition, next_at = excluded.next_at
      where s.definition <> excluded.definition;
$$;

-- ---- changes of customers, as events, for campaigns that start with them

create table godwit.watched (
    what text primary key
);
comment on table godwit.watched is 'what campaigns want to know of customers: an attribute (* for any), or an empty text: that one was made';

-- An attribute, or a field beside them.
create function godwit.customer_value(of godwit.customers, attribute text) returns jsonb
    language sql stable parallel safe
    return case attribute when 'email' then to_jsonb((of).email)
                          when 'phone' then to_jsonb((of).phone)
                          when 'locale' then to_jsonb((of).locale)
                          when 'timezone' then to_jsonb((of).timezone)
                          else (of).attributes #> string_to_array(attribute, '.') end;

-- What is imported as history starts nothing: the session says so.
create function godwit.event_mode() returns smallint
    language sql stable parallel safe
    return coalesce(nullif(current_setting('godwit.event_mode', true), ''), '0')::smallint;

create function godwit.tell_made() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from godwit.watched w where w.what = '') then
        insert into godwit.events (customer, name, mode)
        select n.key, 'customer.created', godwit.event_mode() from new_rows n order by n.shard, n.id;
    end if;
    return null;
end $$;
create trigger tell_made after insert on godwit.customers
    referencing new table as new_rows for each statement execute function godwit.tell_made();

create function godwit.tell_changed() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from godwit.watched w where w.what <> '') then
        insert into godwit.events (customer, name, properties, mode)
        select n.key, 'customer.changed',
               jsonb_build_object('attribute', a.what, 'from', godwit.customer_value(o, a.what),
                                  'to', godwit.customer_value(n, a.what)), godwit.event_mode()
          from new_rows n
          join old_rows o on o.shard = n.shard and o.id = n.id
         cross join lateral (
               select w.what from godwit.watched w where w.what not in ('', '*')
               union
               select k from jsonb_object_keys(o.attributes || n.attributes) k
                where exists (select from godwit.watched w where w.what = '*')
               union
               select f from unnest(array['email', 'phone', 'locale', 'timezone']) f
                where exists (select from godwit.watched w where w.what = '*')) a
         -- a person who is erased changes into nobody
         where n.key = o.key
           and (n.email, n.phone, n.locale, n.timezone, n.attributes)
               is distinct from (o.email, o.phone, o.locale, o.timezone, o.attributes)
           and godwit.customer_value(o, a.what) is distinct from godwit.customer_value(n, a.what)
         order by n.shard, n.id, a.what;
    end if;
    return null;
end $$;
create trigger tell_changed after update on godwit.customers
    referencing old table as old_rows new table as new_rows
    for each statement execute function godwit.tell_changed();

create function godwit.watch(wanted text[]) returns void
    language sql as $$
    delete from godwit.watched w where w.what <> all ($1);
    insert into godwit.watched (what) select unnest($1) on conflict do nothing;
$$;

-- ---- messages

-- Messages that make room for one of more worth. Raises when one of them is not in the queue any
-- more: what was decided would not be true, and is decided again. Side by side.
create function godwit.displace(shards smallint[], customers bigint[], campaigns text[],
                                steps text[], occurrences text[], reasons text[]) returns void
    language plpgsql as $$
declare
    moved integer;
begin
    update godwit.messages m set status = 'cancelled', due_at = null, reason = n.reason
      from unnest($1, $2, $3, $4, $5, $6)
           as n (shard, customer_id, campaign, step, occurrence, reason)
     where m.shard = n.shard and m.customer_id = n.customer_id and m.campaign = n.campaign
       and m.step = n.step and m.occurrence = n.occurrence
       and m.status in ('queued', 'deferred');
    get diagnostics moved = row_count;
    if moved <> cardinality($1) then
        raise exception 'a message that was to make room is being sent' using errcode = 'GW002';
    end if;
end $$;

-- What was displaced counts as capped.
create or replace view godwit.report_accounting as
with entries as (
    select campaign, version,
           case status when 'sent' then 'sent'
                       when 'held_out' then 'held_out'
                       when 'failed' then 'failed'
                       when 'in_doubt' then 'in_doubt'
                       when 'cancelled' then
                            case when reason like 'displaced by %' then 'capped' else 'suppressed' end
                       else 'pending' end as place
      from godwit.messages
    union all
    select campaign, version, outcome from godwit.decisions
     where outcome in ('suppressed', 'capped', 'failed'))
select campaign, version,
       count(*) as entered,
       count(*) filter (where place = 'sent') as sent,
       count(*) filter (where place = 'held_out') as held_out,
       count(*) filter (where place = 'suppressed') as suppressed,
       count(*) filter (where place = 'capped') as capped,
       count(*) filter (where place = 'failed') as failed,
       count(*) filter (where place = 'in_doubt') as in_doubt,
       count(*) filter (where place = 'pending') as pending
  from entries
 group by campaign, version;

-- ---- holding back

create or replace function godwit.resume(what text) returns boolean
    language plpgsql as $$
begin
    delete from godwit.pauses where campaign = what;
    if not found then
        return false;
    end if;
    update godwit.messages set due_at = now(), reason = null
     where due_at = 'infinity' and campaign = what and status in ('queued', 'deferred');
    update godwit.enrolments set paused = false where paused and campaign = what;
    update godwit.campaign_timers set paused = false where paused and campaign = what;
    return true;
end $$;

-- ---- views for analysts

create view godwit.report_journeys as
select n.campaign, n.version, count(*) as entered,
       count(*) filter (where n.ended_at is null) as inside,
       count(*) filter (where n.ended = 'completed') as completed,
       count(*) filter (where n.ended = 'goal') as goal,
       count(*) filter (where n.ended = 'exit') as exit,
       count(*) filter (where n.ended = 'stopped') as stopped,
       count(*) filter (where n.ended not in ('completed', 'goal', 'exit', 'stopped')) as other,
       min(n.entered_at) as first_entered_at, max(n.entered_at) as last_entered_at
  from godwit.enrolments n
 group by n.campaign, n.version;

create view godwit.report_enrolments as
select n.id as enrolment_id, c.key as customer, n.campaign, n.version, n.entered_at,
       n.event_id as triggered_by, nullif(n.step, '') as step, n.waiting, n.wake_at, n.paused,
       n.variant, n.ended_at, n.ended, n.end_detail
  from godwit.enrolments n
  join godwit.customers c on c.shard = n.shard and c.id = n.customer_id;

-- ---- a customer's rights

-- Only godwit.forget gives a customer another key.
create function godwit.forget_journeys() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    update godwit.enrolments n
       set event_name = null, event_properties = null, paused = false, wake_at = null,
           ended_at = coalesce(n.ended_at, now()), ended = coalesce(n.ended, 'erased'),
           end_detail = 'the customer was erased'
     where n.shard = old.shard and n.customer_id = old.id;
    delete from godwit.campaign_timers t where t.shard = old.shard and t.customer_id = old.id;
    return null;
end $$;
create trigger forget_journeys after update of key on godwit.customers
    for each row when (old.key is distinct from new.key)
    execute function godwit.forget_journeys();

alter function godwit.export_customer(text) rename to export_customer_messages;
create function godwit.export_customer(customer text) returns jsonb
    language sql stable as $$
    select godwit.export_customer_messages($1) || jsonb_build_object(
        'journeys', coalesce((select jsonb_agg(to_jsonb(n) - 'shard' - 'id' - 'customer_id'
                                               order by n.id)
                                from godwit.enrolments n
                               where n.shard = c.shard and n.customer_id = c.id), '[]'),
        'timers', coalesce((select jsonb_agg(jsonb_build_object('campaign', t.campaign,
                                                 'due_at', t.due_at, 'since', t.since)
                                             order by t.campaign)
                              from godwit.campaign_timers t
                             where t.shard = c.shard and t.customer_id = c.id), '[]'))
      from godwit.customers c
     where c.shard = godwit.shard_of($1) and c.key = $1
$$;
comment on function godwit.export_customer is 'all that is held about a person, as JSON';
