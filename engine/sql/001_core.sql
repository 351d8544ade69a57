-- SPDX-License-Identifier: Apache-2.0
-- What Godwit keeps. `shard` (a hash of the customer's key) leads the key of
-- every large table: it is the unit of ordering and of ownership.

create table godwit.settings (
    key   text primary key,
    value text not null
);
comment on table godwit.settings is 'facts about this installation, such as the secret that keys its hashes';
-- two random UUIDs: 244 bits from the server's strong random source
insert into godwit.settings values
    ('secret', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));

create function godwit.shard_of(customer text) returns smallint
    language sql immutable strict parallel safe
    return (hashtextextended(customer, 0) & 63)::smallint;

-- ---- customers, consent, suppression

create table godwit.customers (
    shard      smallint not null,
    id         bigint generated always as identity,
    key        text not null,
    email      text,
    phone      text,
    locale     text,
    timezone   text,
    attributes jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (shard, id),
    unique (key, shard),
    check (key <> '' and octet_length(key) <= 255)
);
comment on table godwit.customers is 'one row a customer; made by godwit.identify, an import, or the first event';

create table godwit.consents (
    shard       smallint not null,
    customer_id bigint not null,
    channel     text not null,
    topic       text not null,
    id          bigint generated always as identity,
    state       text not null check (state in ('subscribed', 'unsubscribed')),
    source      text not null,
    at          timestamptz not null default now(),
    primary key (shard, customer_id, channel, topic, id)
);
comment on table godwit.consents is 'append-only; of the rows that cover a channel and topic (* covers all) the latest decides';

create table godwit.suppressions (
    channel      text not null,
    address_hash bytea not null,
    reason       text not null,
    at           timestamptz not null default now(),
    primary key (channel, address_hash)
);
comment on table godwit.suppressions is 'addresses never to be written to, as keyed hashes, so that erasure does not lift them';

create function godwit.address_hash(address text) returns bytea
    language sql stable strict parallel safe
    return sha256(convert_to((select value from godwit.settings where key = 'secret')
                             || lower(btrim(address)), 'UTF8'));

-- ---- events

create sequence godwit.event_id;

create table godwit.events (
    shard       smallint not null generated always as (godwit.shard_of(customer)) stored,
    id          bigint not null default nextval('godwit.event_id'),
    xid         xid8 not null default pg_current_xact_id(),
    customer    text not null check (customer <> '' and octet_length(customer) <= 255),
    name        text not null check (name <> '' and octet_length(name) <= 255),
    properties  jsonb not null default '{}' check (jsonb_typeof(properties) = 'object'),
    occurred_at timestamptz not null default now() check (isfinite(occurred_at)),
    recorded_at timestamptz not null default now(),
    dedupe      text check (octet_length(dedupe) <= 255),
    -- 0: as it happens; 1: imported history, starts nothing; 2: imported with --trigger
    mode        smallint not null default 0 check (mode in (0, 1, 2)),
    primary key (shard, id, recorded_at)
) partition by range (recorded_at);
comment on table godwit.events is 'append-only; INSERT and COPY name customer, name, properties, occurred_at, dedupe';
comment on column godwit.events.xid is 'the inserting transaction: what the snapshot cursor goes by';
-- the cursor
create index events_xid on godwit.events (xid, id);
-- one customer's history
create index events_customer on godwit.events (customer, name, shard, occurred_at, id);
create table godwit.events_default partition of godwit.events default;

create table godwit.event_dedupe (
    shard    smallint not null,
    customer text not null,
    dedupe   text not null,
    event_id bigint not null,
    at       timestamptz not null default now(),
    primary key (shard, customer, dedupe)
);
create index event_dedupe_at on godwit.event_dedupe (at);

create function godwit.drop_duplicate_event() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into godwit.event_dedupe as d (shard, customer, dedupe, event_id)
    values (godwit.shard_of(new.customer), new.customer, new.dedupe, new.id)
    on conflict (shard, customer, dedupe)
        do update set event_id = excluded.event_id, at = excluded.at
        where d.at < now() - interval '7 days';
    if not found then
        return null;
    end if;
    return new;
end $$;
create trigger dedupe before insert on godwit.events
    for each row when (new.dedupe is not null) execute function godwit.drop_duplicate_event();

-- ---- engines and shards

create table godwit.engines (
    id           bigint generated always as identity primary key,
    started_at   timestamptz not null default now(),
    heartbeat_at timestamptz not null default now(),
    asleep       boolean not null default false,
    host         text,
    pid          integer
) with (fillfactor = 50);
comment on table godwit.engines is 'running engine processes; each holds the session advisory lock (7301, id) while it lives';

create table godwit.shards (
    shard       smallint primary key,
    owner       bigint,
    fence       bigint not null default 0,
    lease_until timestamptz,
    -- the snapshot cursor: everything visible in `last` is decided; a round that is
    -- being worked off in batches ends at `target` and has come to (pos_xid, pos_id)
    last        pg_snapshot not null default '3:3:',
    target      pg_snapshot,
    pos_xid     xid8,
    pos_id      bigint
) with (fillfactor = 50);
insert into godwit.shards (shard) select generate_series(0, 63);

-- A sleeping engine is woken by a notification; a busy one polls, and producers
-- pay nothing (a pending NOTIFY serialises commits).
create function godwit.wake_engines() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from godwit.engines where asleep) then
        notify godwit;
    end if;
    return null;
end $$;
create trigger wake after insert on godwit.events
    for each statement execute function godwit.wake_engines();

-- Moves the cursor of shards that the engine still holds; raises when one of
-- them has gone to another engine, which undoes the transaction.
create function godwit.advance(engine bigint, shards smallint[], fences bigint[],
                               new_last pg_snapshot, new_target pg_snapshot,
                               new_xid xid8, new_id bigint) returns void
    language plpgsql as $$
declare
    moved integer;
begin
    update godwit.shards s
       set last = new_last, target = new_target, pos_xid = new_xid, pos_id = new_id
      from unnest(shards, fences) as mine (shard, fence)
     where s.shard = mine.shard and s.fence = mine.fence and s.owner = engine;
    get diagnostics moved = row_count;
    if moved <> cardinality(shards) then
        raise exception 'a shard has been taken over by another engine'
            using errcode = 'GW001';
    end if;
end $$;

-- ---- behaviour: what conditions need of the past, without reading it again

create table godwit.behaviour (
    shard       smallint not null,
    customer_id bigint not null,
    name        text not null,
    layout      text not null,
    data        bytea not null,
    primary key (shard, customer_id, name)
) with (fillfactor = 80);
comment on table godwit.behaviour is 'a cache over events: a row that is missing or of another layout is made anew from them';

-- ---- campaigns, decisions, messages

create table godwit.campaign_versions (
    campaign text not null,
    version  text not null,
    source   text not null,
    seen_at  timestamptz not null default now(),
    primary key (campaign, version)
);

create table godwit.template_sources (
    hash    text primary key,
    name    text not null,
    sources text not null,
    seen_at timestamptz not null default now()
);

create table godwit.decisions (
    shard       smallint not null,
    id          bigint generated always as identity,
    customer_id bigint not null,
    campaign    text not null,
    version     text not null,
    event_id    bigint,
    at          timestamptz not null,
    outcome     text not null check (outcome in ('suppressed', 'capped', 'failed', 'stale', 'error')),
    gate        text,
    reason      text not null,
    primary key (shard, id)
);
create index decisions_customer on godwit.decisions (customer_id, shard, at);
comment on table godwit.decisions is 'why a campaign that was triggered made no message';

create sequence godwit.message_id;

create table godwit.messages (
    shard         smallint not null,
    id            bigint not null default nextval('godwit.message_id'),
    customer_id   bigint not null,
    campaign      text not null,
    step          text not null,
    occurrence    text not null,
    version       text not null,
    variant       text,
    channel       text not null,
    topic         text,
    address       text not null,
    locale        text,
    template      text not null,
    template_hash text,
    input         jsonb,
    event_id      bigint,
    status        text not null default 'queued'
        check (status in ('queued', 'deferred', 'sending', 'sent', 'failed', 'cancelled', 'in_doubt', 'held_out')),
    reason        text,
    attempts      smallint not null default 0,
    lease         bigint,
    queued_at     timestamptz not null default now(),
    due_at        timestamptz,
    expires_at    timestamptz,
    sending_at    timestamptz,
    sent_at       timestamptz,
    doubted_at    timestamptz,
    provider_id   text,
    segments      smallint,
    primary key (shard, id),
    -- shard comes last: a plan made while the table was small must not take it for the primary key
    unique (customer_id, campaign, step, occurrence, shard)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
comment on column godwit.messages.due_at is 'when to hand it over next; null when there is nothing left to do';
comment on column godwit.messages.segments is 'of an SMS: what the provider counts';
comment on column godwit.messages.lease is 'the fence of the shard under which it was marked as sending';
comment on column godwit.messages.doubted_at is 'the process died, or the answer was lost, after the message may have been handed over';
create index messages_due on godwit.messages (channel, due_at) where due_at is not null;
create index messages_in_doubt on godwit.messages (campaign) where status = 'in_doubt';
create index messages_paused on godwit.messages (campaign) where due_at = 'infinity';

-- What each engine says of its channels, every two seconds: for `godwit status`.
create table godwit.channel_states (
    engine    bigint not null,
    channel   text not null,
    at        timestamptz not null default now(),
    rate      double precision not null,
    in_flight integer not null,
    trouble   text,
    primary key (engine, channel)
) with (fillfactor = 50);
comment on column godwit.channel_states.rate is 'messages a second that were sent or failed, over the last ten seconds or so';

-- Channels that are being warmed up: days are those of UTC.
create table godwit.warmups (
    channel   text primary key,
    first_day date not null default (now() at time zone 'UTC')::date,
    day       date not null default (now() at time zone 'UTC')::date,
    taken     bigint not null default 0
) with (fillfactor = 50);
comment on column godwit.warmups.taken is 'of the day''s number; what an engine took and did not use is not given back';

-- Of the messages wanted as many as the day has left. Engines share a channel's number.
create function godwit.warmup_take(what text, per_day bigint, growth double precision, wanted bigint)
    returns bigint
    language plpgsql as $$
declare
    today date := (now() at time zone 'UTC')::date;
    w godwit.warmups;
    room double precision;
begin
    insert into godwit.warmups (channel) values (what) on conflict do nothing;
    select * into w from godwit.warmups where channel = what for update;
    if w.day <> today then
        w.taken := 0;
    end if;
    room := floor(per_day * growth ^ least(today - w.first_day, 100)) - w.taken;
    wanted := greatest(least(wanted, room), 0)::bigint;
    update godwit.warmups set day = today, taken = w.taken + wanted where channel = what;
    return wanted;
end $$;

-- ---- what people hold back

create table godwit.pauses (
    campaign  text primary key,
    paused_at timestamptz not null default now(),
    paused_by text not null default session_user
);
comment on table godwit.pauses is 'campaigns of which nothing is handed over; * is all of them';

-- Holds a campaign (* for all) back; false: it is held already. The locks are those of mark_sending
-- on the shards: once this is committed, nothing is marked under the old state any more.
create function godwit.pause(what text) returns boolean
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock(7303, shard) from generate_series(0, 63) as shard;
    insert into godwit.pauses (campaign) values (what) on conflict do nothing;
    return found;
end $$;

-- Lets it go on: what waited is due now. False: it was not held.
create function godwit.resume(what text) returns boolean
    language plpgsql as $$
begin
    delete from godwit.pauses where campaign = what;
    if not found then
        return false;
    end if;
    update godwit.messages set due_at = now(), reason = null
     where due_at = 'infinity' and campaign = what and status in ('queued', 'deferred');
    return true;
end $$;

-- Makes messages durable as `sending` before their first byte leaves. In one
-- transaction: the fence, pauses, consent and suppression. Returns those that may go; the
-- others are cancelled with the reason, or left alone when their campaign is paused or a
-- consent is being changed at this moment (they come again). The customer's lock is the one
-- that set_consent takes, so no message is marked after an unsubscribe was committed. The
-- lock of a shard is the one that shard_acquire takes, so whoever takes a shard over sees
-- all that was marked before.
-- A volatile function: each statement sees what was committed before its locks.
create function godwit.mark_sending(ids bigint[], shards smallint[], leases bigint[],
                                    hashes text[], defaults boolean[])
    returns setof bigint
    language plpgsql as $$
#variable_conflict use_column
declare
    wanted bigint[];
    secret text;
begin
    select array_agg(w.id) into wanted
      from unnest(ids, shards) as w (id, shard)
      join godwit.messages m on m.shard = w.shard and m.id = w.id
     where pg_try_advisory_xact_lock_shared(7303, w.shard)
       and pg_try_advisory_xact_lock_shared(7302, (m.customer_id & 2147483647)::integer);
    select value into secret from godwit.settings where key = 'secret';

    -- both CTEs are materialized so that each look into messages goes by (shard, id), also with a
    -- plan that was made while the table was empty
    return query
    with ours as materialized (
        select w.* from unnest(ids, shards, leases, hashes, defaults)
                        as w (id, shard, lease, hash, by_default)
          join godwit.shards s on s.shard = w.shard and s.fence = w.lease
         where w.id = any (wanted)),
    judged as materialized (
        select n.shard, n.id, w.lease, w.hash,
               case when s.reason is not null then 'suppressed: ' || s.reason
                    when n.topic is not null and coalesce(c.state = 'unsubscribed', not w.by_default)
                    then 'unsubscribed from ' || n.topic end as why
          from ours w
          join godwit.messages n on n.shard = w.shard and n.id = w.id
          left join godwit.suppressions s
                 on s.channel = n.channel
                and s.address_hash = sha256(convert_to(secret || lower(btrim(n.address)), 'UTF8'))
          left join lateral (
                select c.state from godwit.consents c
                 where c.shard = n.shard and c.customer_id = n.customer_id
                   and c.channel in (n.channel, '*') and c.topic in (n.topic, '*')
                 order by c.id desc limit 1) c on n.topic is not null
         where not exists (select from godwit.pauses p where p.campaign in (n.campaign, '*'))),
    marked as (
        update godwit.messages m
           set status = case when j.why is null then 'sending' else 'cancelled' end,
               due_at = case when j.why is null then m.due_at end,
               reason = coalesce(j.why, m.reason),
               lease = j.lease, template_hash = j.hash,
               sending_at = case when j.why is null then now() else m.sending_at end,
               attempts = m.attempts + (j.why is null)::integer
          from judged j
         where m.shard = j.shard and m.id = j.id and m.status in ('queued', 'deferred')
        returning m.id, m.status)
    select id from marked where status = 'sending';
end $$;

-- ---- for producers

create function godwit.identify(customer text, attributes jsonb, email text default null,
                                phone text default null, locale text default null,
                                timezone text default null) returns void
    language sql as $$
    insert into godwit.customers as c (shard, key, email, phone, locale, timezone, attributes)
    values (godwit.shard_of($1), $1, $3, $4, $5, $6, coalesce($2, '{}'))
    on conflict (shard, key) do update
        set email = coalesce(excluded.email, c.email),
            phone = coalesce(excluded.phone, c.phone),
            locale = coalesce(excluded.locale, c.locale),
            timezone = coalesce(excluded.timezone, c.timezone),
            attributes = c.attributes || excluded.attributes,
            updated_at = now()
$$;
comment on function godwit.identify is 'creates or updates a customer; null leaves a field as it is, attributes are merged';

create function godwit.track(customer text, name text, properties jsonb default '{}',
                             occurred_at timestamptz default now(), dedupe text default null)
    returns bigint
    language plpgsql as $$
declare
    made bigint;
begin
    insert into godwit.events (customer, name, properties, occurred_at, dedupe)
    values ($1, $2, coalesce($3, '{}'), coalesce($4, now()), $5)
    returning id into made;
    if made is null then
        select d.event_id into made from godwit.event_dedupe d
         where d.shard = godwit.shard_of($1) and d.customer = $1 and d.dedupe = $5;
    end if;
    return made;
end $$;
comment on function godwit.track is 'records an event and returns its id; the same dedupe for one customer within 7 days is one event';

create function godwit.set_consent(customer text, channel text, topic text, state text, source text)
    returns void
    language plpgsql as $$
declare
    who bigint;
begin
    if $4 is null or $4 not in ('subscribed', 'unsubscribed') then
        raise exception 'state must be subscribed or unsubscribed, not %', coalesce(quote_literal($4), 'null')
            using errcode = 'invalid_parameter_value';
    end if;
    if coalesce($2, '') = '' or coalesce($3, '') = '' then
        raise exception 'channel and topic must be named; * means all of them'
            using errcode = 'invalid_parameter_value';
    end if;
    insert into godwit.customers (shard, key) values (godwit.shard_of($1), $1)
        on conflict do nothing;
    select c.id into who from godwit.customers c where c.shard = godwit.shard_of($1) and c.key = $1;
    perform pg_advisory_xact_lock(7302, (who & 2147483647)::integer);
    insert into godwit.consents (shard, customer_id, channel, topic, state, source)
    values (godwit.shard_of($1), who, $2, $3, $4, $5);
end $$;
comment on function godwit.set_consent is 'records consent or its withdrawal; * as channel or topic means all of them';

-- ---- views for analysts: a stable interface

create view godwit.report_messages as
select m.id as message_id, c.key as customer, m.campaign, m.version, m.step, m.variant, m.channel,
       m.address, m.status, m.reason, m.event_id as triggered_by, m.queued_at, m.sent_at,
       m.attempts, m.provider_id, m.topic, m.template, m.locale, m.due_at, m.doubted_at,
       m.segments
  from godwit.messages m
  join godwit.customers c on c.shard = m.shard and c.id = m.customer_id;

create view godwit.report_decisions as
select c.key as customer, d.campaign, d.version, d.event_id, d.at, d.outcome, d.reason, d.gate
  from godwit.decisions d
  join godwit.customers c on c.shard = d.shard and c.id = d.customer_id;

-- entered is counted from the rows themselves; each row stands in exactly one of
-- the other columns, so the books close by construction and a test compares them
create view godwit.report_accounting as
with entries as (
    select campaign, version,
           case status when 'sent' then 'sent'
                       when 'held_out' then 'held_out'
                       when 'failed' then 'failed'
                       when 'in_doubt' then 'in_doubt'
                       when 'cancelled' then 'suppressed'
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

create table godwit.refused_events (
    shard    smallint not null,
    event_id bigint not null,
    at       timestamptz not null default now(),
    reason   text not null,
    primary key (shard, event_id)
);
comment on table godwit.refused_events is 'events that could not be decided, and why; the events themselves are kept';
