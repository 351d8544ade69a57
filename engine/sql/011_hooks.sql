-- SPDX-License-Identifier: Apache-2.0
-- What providers tell (receipts, inbound SMS), consent that waits for confirmation, keys of tokens,
-- and hits that are to be judged again.

-- ---- receipts

-- Reports that name a message by the provider's number; only SMS have segments.
create index messages_provider on godwit.messages (provider_id)
    where provider_id is not null and segments is not null;

-- A message by our own number, or by the provider's. Null: it is not there.
create function godwit.reported_message(of_channel text, of_shard smallint, of_message bigint,
                                        of_provider text) returns godwit.messages
    language plpgsql stable as $$
declare
    m godwit.messages;
begin
    if of_message is not null then
        select * into m from godwit.messages g
         where g.shard = of_shard and g.id = of_message and g.channel = of_channel;
    elsif of_provider <> '' then
        select * into m from godwit.messages g
         where g.provider_id = of_provider and g.segments is not null and g.channel = of_channel
         order by g.id desc limit 1;
    end if;
    return m;
end $$;

-- One receipt. What it says is kept once: `delivered` is the last word, a bounce does not follow it,
-- and what is on its way leaves no row. Whatever is reported, the provider has the message: a doubt
-- about it is over, and it is not sent again. Returns recorded, repeated, progress or unknown.
create function godwit.record_receipt(of_channel text, of_shard smallint, of_message bigint,
                                      of_provider text, of_kind text, of_class text, of_code text,
                                      said text, of_at timestamptz) returns text
    language plpgsql as $$
declare
    m godwit.messages;
    known boolean;
begin
    m := godwit.reported_message(of_channel, of_shard, of_message, of_provider);
    if m.id is null then
        return 'unknown';
    end if;
    -- one receipt of a message at a time, so that each sees what the other wrote
    perform pg_advisory_xact_lock(7311, (m.id & 2147483647)::integer);
    update godwit.messages g
       set status = 'sent', sent_at = coalesce(g.sent_at, g.sending_at, now()), due_at = null,
           reason = 'in doubt, until the provider reported on it',
           provider_id = coalesce(g.provider_id, nullif(of_provider, ''))
     where g.shard = m.shard and g.id = m.id and g.doubted_at is not null
       and g.status in ('in_doubt', 'queued', 'deferred');
    if of_kind = 'progress' then
        return 'progress';
    end if;
    select exists (select from godwit.responses r
                    where r.message_id = m.id and r.shard = m.shard
                      and (r.kind = 'delivered' or r.kind = 'bounce' and of_kind = 'bounce'))
      into known;
    if known then
        return 'repeated';
    end if;
    insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, details)
    values (m.shard, m.id, m.customer_id, m.campaign, of_kind, least(coalesce(of_at, now()), now()),
            jsonb_strip_nulls(jsonb_build_object(
                'source', 'receipt', 'class', of_class, 'code', nullif(of_code, ''),
                'reason', nullif(concat_ws(' ', nullif(said, ''), nullif(of_code, '')), ''))));
    if of_class = 'hard' then
        insert into godwit.suppressions (channel, address_hash, reason)
        values (m.channel, godwit.address_hash(m.address),
                'hard bounce: ' || coalesce(nullif(concat_ws(' ', nullif(said, ''), nullif(of_code, '')), ''),
                                            'receipt'))
        on conflict do nothing;
    end if;
    return 'recorded';
end $$;

-- ---- inbound SMS

create function godwit.phone_digits(phone text) returns text
    language sql immutable strict parallel safe
    return regexp_replace(regexp_replace(phone, '[^0-9]', '', 'g'), '^00', '');
create index customers_phone on godwit.customers (godwit.phone_digits(phone)) where phone is not null;

create table godwit.inbound_sms (
    channel     text not null,
    id          text not null,
    sender_hash bytea,
    keyword     text,
    at          timestamptz not null default now(),
    primary key (channel, id)
);
create index inbound_sms_at on godwit.inbound_sms (at);
comment on table godwit.inbound_sms is 'inbound messages of the last 90 days, so that none counts twice; what was written stands with the response';

-- Whoever wrote START wants what STOP took away; what was declined by name stays declined.
create function godwit.restart_consent(of_shard smallint, who bigint, key text, of_channel text)
    returns void
    language plpgsql as $$
declare
    stopped boolean;
    declined record;
begin
    select n.state = 'unsubscribed' into stopped
      from godwit.consents n
     where n.shard = of_shard and n.customer_id = who and n.channel in (of_channel, '*')
       and n.topic = '*'
     order by n.id desc limit 1;
    if not coalesce(stopped, false) then
        return;
    end if;
    insert into godwit.consents (shard, customer_id, channel, topic, state, source)
    values (of_shard, who, of_channel, '*', 'subscribed', 'sms:start');
    for declined in
        select t.topic
          from (select distinct on (n.topic) n.topic, n.state
                  from godwit.consents n
                 where n.shard = of_shard and n.customer_id = who
                   and n.channel in (of_channel, '*') and n.topic <> '*'
                 order by n.topic, n.id desc) t
         where t.state = 'unsubscribed'
    loop
        insert into godwit.consents (shard, customer_id, channel, topic, state, source)
        values (of_shard, who, of_channel, declined.topic, 'unsubscribed', 'sms:start, declined before');
    end loop;
end $$;

-- An inbound message: `keyword` is stop, start, help or null. STOP holds for the number: it is
-- suppressed on the channel, and each customer who has it is unsubscribed. What was written is a
-- response to the latest message that went there. Returns recorded, repeated or unknown.
create function godwit.record_inbound(of_channel text, of_id text, sender text, said text,
                                      of_keyword text, of_at timestamptz) returns text
    language plpgsql as $$
declare
    digits text := godwit.phone_digits(sender);
    address bytea := godwit.address_hash('+' || godwit.phone_digits(sender));
    who record;
    m record;
begin
    insert into godwit.inbound_sms (channel, id, sender_hash, keyword)
    values (of_channel, of_id, address, of_keyword) on conflict do nothing;
    if not found then
        return 'repeated';
    end if;
    delete from godwit.inbound_sms i
     where i.ctid = any (array(select o.ctid from godwit.inbound_sms o
                                where o.at < now() - interval '90 days' order by o.at limit 100));
    if digits = '' then
        return 'unknown';
    end if;
    if of_keyword = 'stop' then
        insert into godwit.suppressions (channel, address_hash, reason)
        values (of_channel, address, 'sms:stop') on conflict do nothing;
    elsif of_keyword = 'start' then
        delete from godwit.suppressions s
         where s.channel = of_channel and s.address_hash = address and s.reason = 'sms:stop';
    end if;
    for who in
        select c.shard, c.id, c.key, c.phone from godwit.customers c
         where godwit.phone_digits(c.phone) = digits and c.phone is not null
         order by c.id limit 1000
    loop
        continue when of_keyword is null or of_keyword = 'help';
        perform pg_advisory_xact_lock(7302, (who.id & 2147483647)::integer);
        if of_keyword = 'stop' then
            -- the number as it is written there: messages are held against that
            insert into godwit.suppressions (channel, address_hash, reason)
            values (of_channel, godwit.address_hash(who.phone), 'sms:stop') on conflict do nothing;
            perform godwit.set_consent(who.key, of_channel, '*', 'unsubscribed', 'sms:stop');
        else
            delete from godwit.suppressions s
             where s.channel = of_channel and s.address_hash = godwit.address_hash(who.phone)
               and s.reason = 'sms:stop';
            perform godwit.restart_consent(who.shard, who.id, who.key, of_channel);
            perform godwit.confirm_pending(who.shard, who.id, of_channel, 'sms:start');
        end if;
    end loop;
    select g.shard, g.id, g.customer_id, g.campaign into m
      from godwit.customers c
      join godwit.messages g on g.customer_id = c.id and g.shard = c.shard
     where godwit.phone_digits(c.phone) = digits and c.phone is not null
       and g.channel = of_channel and g.sent_at is not null
     order by g.sent_at desc limit 1;
    if not found then
        return 'unknown';
    end if;
    insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, human, details)
    values (m.shard, m.id, m.customer_id, m.campaign,
            case when of_keyword = 'stop' then 'unsubscribe' else 'reply' end,
            least(coalesce(of_at, now()), now()), true,
            jsonb_strip_nulls(jsonb_build_object(
                'source', case when of_keyword = 'stop' then 'sms:stop' else 'sms' end,
                'keyword', of_keyword, 'text', said, 'provider_id', of_id)));
    return 'recorded';
end $$;

-- ---- consent that waits for confirmation

create table godwit.topics (
    name    text primary key,
    confirm boolean not null
);
comment on table godwit.topics is 'the topics of the workspace, as the engine last read them; confirm: a subscription waits until it is confirmed';

create function godwit.record_topics(names text[], confirms boolean[]) returns void
    language plpgsql as $$
begin
    delete from godwit.topics t where t.name <> all (names);
    insert into godwit.topics as t (name, confirm)
    select * from unnest(names, confirms)
    on conflict (name) do update set confirm = excluded.confirm where t.confirm <> excluded.confirm;
end $$;

create table godwit.pending_consents (
    shard        smallint not null,
    customer_id  bigint not null,
    channel      text not null,
    topic        text not null,
    source       text not null,
    event_id     bigint,
    asked_at     timestamptz not null default now(),
    confirmed_at timestamptz,
    confirmed_by text,
    primary key (shard, customer_id, channel, topic)
);
comment on table godwit.pending_consents is 'subscriptions that were asked for and wait, or waited, for the person to confirm them';
comment on column godwit.pending_consents.event_id is 'the event `consent.requested`: the mail that it starts holds the link';

-- Whether the customer is subscribed to the topic by the latest word.
create function godwit.is_subscribed(of_shard smallint, who bigint, of_channel text, of_topic text)
    returns boolean
    language sql stable as $$
    select coalesce((select n.state = 'subscribed' from godwit.consents n
                      where n.shard = of_shard and n.customer_id = who
                        and (of_channel = '*' or n.channel in (of_channel, '*'))
                        and n.topic in (of_topic, '*')
                      order by n.id desc limit 1), false)
$$;

-- Asks for confirmation: an event, at most once an hour.
create function godwit.request_consent(of_shard smallint, who bigint, customer text, of_channel text,
                                       of_topic text, of_source text) returns void
    language plpgsql as $$
begin
    insert into godwit.pending_consents as p (shard, customer_id, channel, topic, source)
    values (of_shard, who, of_channel, of_topic, of_source)
    on conflict (shard, customer_id, channel, topic) do update
        set source = excluded.source, asked_at = excluded.asked_at, event_id = null,
            confirmed_at = null, confirmed_by = null
        where p.confirmed_at is not null or p.asked_at < now() - interval '1 hour';
    if found then
        update godwit.pending_consents p
           set event_id = godwit.track(customer, 'consent.requested',
                                       jsonb_build_object('topic', of_topic, 'channel', of_channel,
                                                          'source', of_source))
         where p.shard = of_shard and p.customer_id = who and p.channel = of_channel
           and p.topic = of_topic;
    end if;
end $$;

-- The person confirms what is asked on a channel (by START), or what one event asked for.
create function godwit.confirm_pending(of_shard smallint, who bigint, of_channel text, how text,
                                       of_event bigint default null) returns integer
    language plpgsql as $$
declare
    p record;
    n integer := 0;
begin
    for p in
        update godwit.pending_consents w set confirmed_at = now(), confirmed_by = how
         where w.shard = of_shard and w.customer_id = who and w.confirmed_at is null
           and (of_event is null and w.channel = of_channel or w.event_id = of_event)
        returning w.channel, w.topic, w.source
    loop
        insert into godwit.consents (shard, customer_id, channel, topic, state, source)
        values (of_shard, who, p.channel, p.topic, 'subscribed', p.source || ', confirmed by ' || how);
        n := n + 1;
    end loop;
    return n;
end $$;

-- The link of a message that `consent.requested` started. Returns confirmed, already or gone (it
-- was declined since); null: there is no such message.
create function godwit.confirm_consent(of_shard smallint, of_message bigint) returns text
    language plpgsql as $$
declare
    m record;
begin
    select g.customer_id, g.event_id into m
      from godwit.messages g where g.shard = of_shard and g.id = of_message;
    if not found then
        return null;
    end if;
    perform pg_advisory_xact_lock(7302, (m.customer_id & 2147483647)::integer);
    if exists (select from godwit.consents n
                where n.shard = of_shard and n.customer_id = m.customer_id and n.source = 'erased') then
        return 'gone';
    end if;
    if godwit.confirm_pending(of_shard, m.customer_id, null, 'message ' || of_message, m.event_id) > 0 then
        return 'confirmed';
    end if;
    return case when exists (select from godwit.pending_consents p
                              where p.shard = of_shard and p.customer_id = m.customer_id
                                and p.event_id = m.event_id and p.confirmed_at is not null)
                then 'already' else 'gone' end;
end $$;

create or replace function godwit.set_consent(customer text, channel text, topic text, state text,
                                              source text) returns void
    language plpgsql as $$
declare
    of_shard smallint := godwit.shard_of($1);
    who bigint;
    waiting text[];
    one text;
begin
    if $4 is null or $4 not in ('subscribed', 'unsubscribed') then
        raise exception 'state must be subscribed or unsubscribed, not %', coalesce(quote_literal($4), 'null')
            using errcode = 'invalid_parameter_value';
    end if;
    if coalesce($2, '') = '' or coalesce($3, '') = '' then
        raise exception 'channel and topic must be named; * means all of them'
            using errcode = 'invalid_parameter_value';
    end if;
    insert into godwit.customers (shard, key) values (of_shard, $1) on conflict do nothing;
    select c.id into who from godwit.customers c where c.shard = of_shard and c.key = $1;
    perform pg_advisory_xact_lock(7302, (who & 2147483647)::integer);
    if $4 = 'unsubscribed' then
        delete from godwit.pending_consents p
         where p.shard = of_shard and p.customer_id = who and p.confirmed_at is null
           and ($2 = '*' or p.channel in ($2, '*')) and ($3 = '*' or p.topic = $3);
    else
        -- topics that a person must confirm, and has not
        select array_agg(t.name) into waiting
          from godwit.topics t
         where t.confirm and $3 in (t.name, '*')
           and not godwit.is_subscribed(of_shard, who, $2, t.name);
    end if;
    if waiting is null or $3 = '*' then
        insert into godwit.consents (shard, customer_id, channel, topic, state, source)
        values (of_shard, who, $2, $3, $4, $5);
    end if;
    foreach one in array coalesce(waiting, '{}') loop
        if $3 = '*' then
            insert into godwit.consents (shard, customer_id, channel, topic, state, source)
            values (of_shard, who, $2, one, 'unsubscribed', $5 || ', waits for confirmation');
        end if;
        perform godwit.request_consent(of_shard, who, $1, $2, one, $5);
    end loop;
end $$;

-- ---- keys of tokens

create table godwit.token_keys (
    id         smallint primary key check (id between 0 and 63),
    secret     text not null check (secret <> ''),
    created_at timestamptz not null default now(),
    signs_from timestamptz not null default now()
);
comment on table godwit.token_keys is 'what signs the links of messages: the newest that is due signs, all verify; 0 is the installation''s secret';
insert into godwit.token_keys
select 0, value, now(), '-infinity' from godwit.settings where key = 'secret';

-- A new key. It signs after `wait`, when each engine knows it.
create function godwit.rotate_token_key(wait interval default '1 minute') returns smallint
    language plpgsql as $$
declare
    made smallint;
begin
    lock table godwit.token_keys in share row exclusive mode;
    select n into made
      from generate_series(1, 63) n
     where not exists (select from godwit.token_keys k where k.id = n)
     order by n <= (select max(k.id) from godwit.token_keys k), n limit 1;
    if made is null then
        raise exception 'there are 63 keys already; remove old ones first'
            using errcode = 'program_limit_exceeded';
    end if;
    insert into godwit.token_keys (id, secret, signs_from)
    values (made, replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), now() + wait);
    return made;
end $$;

-- ---- hits that are to be judged again

create table godwit.rejudge (
    shard      smallint not null,
    message_id bigint not null,
    at         timestamptz not null default clock_timestamp(),
    primary key (shard, message_id)
);
create index rejudge_at on godwit.rejudge (at);
comment on table godwit.rejudge is 'messages whose opens and clicks are to be judged again, all together';
insert into godwit.settings values ('verdict_version', '1');

-- When the rule is newer than what stands: the messages of the next responses, in the order of
-- their key, are to be judged again. Returns how many responses were passed; 0: all are.
create function godwit.restate_next(version integer, most integer) returns integer
    language plpgsql as $$
declare
    stands integer;
    from_shard smallint := -1;
    from_id bigint := -1;
    to_shard smallint;
    to_id bigint;
    n integer;
    place text;
begin
    select value::integer into stands from godwit.settings where key = 'verdict_version' for update;
    if stands >= version then
        return 0;
    end if;
    select value into place from godwit.settings where key = 'verdict_position';
    if found then
        from_shard := split_part(place, '/', 1)::smallint;
        from_id := split_part(place, '/', 2)::bigint;
    end if;
    with page as materialized (
        select r.shard, r.id, r.message_id, r.kind from godwit.responses r
         where (r.shard, r.id) > (from_shard, from_id)
         order by r.shard, r.id limit most),
    queued as (
        insert into godwit.rejudge (shard, message_id)
        select distinct p.shard, p.message_id from page p where p.kind in ('open', 'click')
        on conflict do nothing)
    select count(*), (array_agg(p.shard order by p.shard desc, p.id desc))[1],
           (array_agg(p.id order by p.shard desc, p.id desc))[1]
      into n, to_shard, to_id from page p;
    if n = 0 then
        update godwit.settings set value = version::text where key = 'verdict_version';
        delete from godwit.settings where key = 'verdict_position';
        return 0;
    end if;
    insert into godwit.settings as s values ('verdict_position', to_shard || '/' || to_id)
        on conflict (key) do update set value = excluded.value;
    return n;
end $$;
