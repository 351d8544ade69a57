-- SPDX-License-Identifier: Apache-2.0
-- What each response costs to write; receipts in groups, and one policy for all refusals; consent
-- that waits is held too.

-- ---- responses are found by their message, and a customer's by way of the messages: one index
-- where three were

alter table godwit.responses drop constraint responses_pkey;
drop index godwit.responses_message, godwit.responses_customer;
alter table godwit.responses add primary key (shard, message_id, id);

create or replace view godwit.report_responses as
select r.message_id, c.key as customer, r.campaign, r.kind, r.at, r.url, r.human, r.details,
       r.event_id, r.value, r.share
  from godwit.responses r
  join godwit.messages m on m.shard = r.shard and m.id = r.message_id
  join godwit.customers c on c.shard = m.shard and c.id = m.customer_id;

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
  join godwit.messages m on m.shard = r.shard and m.id = r.message_id
  join godwit.customers c on c.shard = m.shard and c.id = m.customer_id
 where r.kind <> 'conversion'
union all
select r.shard, r.customer_id, r.recorded_at, r.kind, r.campaign, c.key, r.message_id, null, null,
       null, concat_ws(', ', r.details ->> 'event', 'worth ' || trim_scale(r.value))
  from godwit.responses r
  join godwit.messages m on m.shard = r.shard and m.id = r.message_id
  join godwit.customers c on c.shard = m.shard and c.id = m.customer_id
 where r.kind = 'conversion'
union all
select d.shard, d.customer_id, d.at, d.outcome, d.campaign, c.key, null, null, null, null, d.reason
  from godwit.decisions d
  join godwit.customers c on c.shard = d.shard and c.id = d.customer_id;

delete from godwit.settings where key = 'verdict_position';
-- When the rule is newer than what stands: the messages of the next responses, in the order of
-- their key, are to be judged again. Returns how many responses were passed; 0: all are.
create or replace function godwit.restate_next(version integer, most integer) returns integer
    language plpgsql as $$
declare
    stands integer;
    from_shard smallint := -1;
    from_message bigint := -1;
    from_id bigint := -1;
    last record;
    place text;
begin
    select value::integer into stands from godwit.settings where key = 'verdict_version' for update;
    if stands >= version then
        return 0;
    end if;
    select value into place from godwit.settings where key = 'verdict_position';
    if found then
        from_shard := split_part(place, '/', 1)::smallint;
        from_message := split_part(place, '/', 2)::bigint;
        from_id := split_part(place, '/', 3)::bigint;
    end if;
    with page as materialized (
        select r.shard, r.id, r.message_id, r.kind from godwit.responses r
         where (r.shard, r.message_id, r.id) > (from_shard, from_message, from_id)
         order by r.shard, r.message_id, r.id limit most),
    queued as (
        insert into godwit.rejudge (shard, message_id)
        select distinct p.shard, p.message_id from page p where p.kind in ('open', 'click')
        on conflict do nothing)
    select count(*) over () as n, p.shard, p.message_id, p.id into last
      from page p order by p.shard desc, p.message_id desc, p.id desc limit 1;
    if not found then
        update godwit.settings set value = version::text where key = 'verdict_version';
        delete from godwit.settings where key = 'verdict_position';
        return 0;
    end if;
    insert into godwit.settings as s values ('verdict_position', last.shard || '/' || last.message_id || '/' || last.id)
        on conflict (key) do update set value = excluded.value;
    return last.n;
end $$;

-- ---- the trigger that makes events of responses costs as much as ten rows: it is switched on only
-- while some are watched

create or replace function godwit.watch_responses(events text[]) returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    wanted "char";
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
    wanted := case when exists (select from godwit.watched_responses) then 'O' else 'D' end;
    if wanted <> (select t.tgenabled from pg_trigger t
                   where t.tgrelid = 'godwit.responses'::regclass and t.tgname = 'make_events') then
        execute format('alter table godwit.responses %s trigger make_events',
                       case wanted when 'O' then 'enable' else 'disable' end);
    end if;
end $$;

revoke all on function godwit.watch_responses(text[]) from public;

-- ---- receipts

drop function godwit.record_bounce(smallint, bigint, text, boolean, jsonb, integer, interval, interval);
drop function godwit.record_receipt(text, smallint, bigint, text, text, text, text, text, timestamptz);

-- A refusal, however we learn of it: the response, and what follows from its class.
create function godwit.record_bounce(of_shard smallint, of_message bigint, class text,
                                     reputation boolean, details jsonb, soft_most integer,
                                     soft_over interval, pause interval,
                                     of_at timestamptz default now()) returns void
    language plpgsql as $$
declare
    m godwit.messages;
    said text := coalesce(nullif(details ->> 'reason', ''), details ->> 'source', '');
    why text;
begin
    select * into m from godwit.messages g where g.shard = of_shard and g.id = of_message;
    insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, details)
    values (m.shard, m.id, m.customer_id, m.campaign, 'bounce', of_at,
            jsonb_build_object('class', class) || jsonb_strip_nulls(details));
    if m.address = '' then
        return; -- erased
    elsif class = 'hard' then
        why := 'hard bounce: ' || said;
    elsif class in ('soft', 'full', 'domain') then
        why := godwit.count_soft(m, class, soft_most, soft_over) || ', the last: ' || said;
    elsif class = 'block' and position('@' in m.address) > 0 then
        perform godwit.count_block(m.channel, lower(substring(m.address from '[^@]*$')), reputation,
                                   left(said, 500), pause);
    end if;
    if why is not null then
        perform godwit.suppress_address(m.channel, m.address, why);
    end if;
end $$;

-- One receipt. What it says is kept once: `delivered` is the last word, a bounce does not follow it,
-- and what is on its way leaves no row. Whatever is reported, the provider has the message: a doubt
-- about it is over, and it is not sent again. Returns recorded, repeated, progress or unknown.
create function godwit.record_receipt(m godwit.messages, of_provider text, of_kind text, of_class text,
                                      of_code text, said text, of_at timestamptz, soft_most integer,
                                      soft_over interval, pause interval) returns text
    language plpgsql as $$
declare
    details jsonb := jsonb_strip_nulls(jsonb_build_object(
        'source', 'receipt', 'code', nullif(of_code, ''),
        'reason', nullif(concat_ws(' ', nullif(said, ''), nullif(of_code, '')), '')));
    happened timestamptz := least(coalesce(of_at, now()), now());
begin
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
    if exists (select from godwit.responses r
                where r.shard = m.shard and r.message_id = m.id
                  and (r.kind = 'delivered' or r.kind = 'bounce' and of_kind = 'bounce')) then
        return 'repeated';
    end if;
    if of_kind = 'bounce' then
        perform godwit.record_bounce(m.shard, m.id, of_class, false, details, soft_most, soft_over,
                                     pause, happened);
    else
        insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, details)
        values (m.shard, m.id, m.customer_id, m.campaign, of_kind, happened, details);
    end if;
    return 'recorded';
end $$;

-- ---- consent that waits for confirmation belongs to the person

create or replace function godwit.forget(customer text) returns boolean
    language plpgsql as $$
declare
    who record;
    nobody text;
begin
    select c.shard, c.id, c.email, c.phone into who
      from godwit.customers c where c.shard = godwit.shard_of($1) and c.key = $1 for update;
    if not found then
        return false;
    end if;
    perform pg_advisory_xact_lock(7302, (who.id & 2147483647)::integer);

    insert into godwit.suppressions (channel, address_hash, reason)
    select distinct a.channel, godwit.address_hash(a.address), 'erased'
      from (select 'email', who.email union all select 'sms', who.phone union all
            select m.channel, m.address from godwit.messages m
             where m.shard = who.shard and m.customer_id = who.id) as a (channel, address)
     where a.address <> ''
    on conflict do nothing;

    delete from godwit.refused_events r using godwit.events e
     where e.shard = who.shard and e.customer = $1 and r.shard = e.shard and r.event_id = e.id;
    delete from godwit.events e where e.shard = who.shard and e.customer = $1;
    delete from godwit.event_dedupe d where d.shard = who.shard and d.customer = $1;
    delete from godwit.behaviour b where b.shard = who.shard and b.customer_id = who.id;
    delete from godwit.consents n where n.shard = who.shard and n.customer_id = who.id;
    delete from godwit.pending_consents p where p.shard = who.shard and p.customer_id = who.id;
    delete from godwit.customer_aliases a where a.customer = $1 or a.previous = $1;

    update godwit.messages m
       set address = '', input = null, locale = null,
           status = case when m.status in ('queued', 'deferred') then 'cancelled' else m.status end,
           due_at = case when m.status in ('queued', 'deferred') then null else m.due_at end,
           reason = case when m.status in ('queued', 'deferred') then 'the customer was erased'
                         else m.reason end
     where m.shard = who.shard and m.customer_id = who.id;
    update godwit.responses r
       set url = split_part(split_part(r.url, '?', 1), '#', 1), details = '{}'
      from godwit.messages m
     where m.shard = who.shard and m.customer_id = who.id
       and r.shard = m.shard and r.message_id = m.id;
    update godwit.decisions d set reason = 'the customer was erased'
     where d.shard = who.shard and d.customer_id = who.id;

    -- a key of the same shard, so that everything still finds its row
    loop
        nobody := 'erased-' || gen_random_uuid();
        exit when godwit.shard_of(nobody) = who.shard;
    end loop;
    update godwit.customers c
       set key = nobody, email = null, phone = null, locale = null, timezone = null,
           attributes = '{}', updated_at = now()
     where c.shard = who.shard and c.id = who.id;
    insert into godwit.consents (shard, customer_id, channel, topic, state, source)
    values (who.shard, who.id, '*', '*', 'unsubscribed', 'erased');
    return true;
end $$;

create or replace function godwit.export_customer_messages(customer text) returns jsonb
    language sql stable as $$
    select jsonb_build_object(
        'customer', to_jsonb(c) - 'shard' - 'id',
        'aliases', coalesce((select jsonb_agg(jsonb_build_object('previous', a.previous, 'at', a.at)
                                              order by a.at)
                               from godwit.customer_aliases a where a.customer = c.key), '[]'),
        'consents', coalesce((select jsonb_agg(to_jsonb(n) - 'shard' - 'customer_id' - 'id'
                                               order by n.id)
                                from godwit.consents n
                               where n.shard = c.shard and n.customer_id = c.id), '[]'),
        'pending_consents', coalesce((
            select jsonb_agg(to_jsonb(p) - 'shard' - 'customer_id' order by p.asked_at, p.topic)
              from godwit.pending_consents p
             where p.shard = c.shard and p.customer_id = c.id), '[]'),
        'suppressions', coalesce((
            select jsonb_agg(jsonb_build_object('channel', s.channel, 'address', a.address,
                                                'reason', s.reason, 'at', s.at))
              from (select c.email union select c.phone union
                    select m.address from godwit.messages m
                     where m.shard = c.shard and m.customer_id = c.id) as a (address)
              join godwit.suppressions s on s.address_hash = godwit.address_hash(a.address)
             where a.address <> ''), '[]'),
        'events', coalesce((select jsonb_agg(jsonb_build_object(
                                       'id', e.id, 'name', e.name, 'properties', e.properties,
                                       'occurred_at', e.occurred_at, 'recorded_at', e.recorded_at)
                                       order by e.occurred_at, e.id)
                              from godwit.events e
                             where e.shard = c.shard and e.customer = c.key), '[]'),
        'messages', coalesce((select jsonb_agg(jsonb_build_object(
                                         'id', m.id, 'campaign', m.campaign, 'version', m.version,
                                         'step', m.step, 'channel', m.channel, 'topic', m.topic,
                                         'address', m.address, 'template', m.template,
                                         'input', m.input, 'status', m.status, 'reason', m.reason,
                                         'queued_at', m.queued_at, 'sent_at', m.sent_at,
                                         'event_id', m.event_id) order by m.id)
                                from godwit.messages m
                               where m.shard = c.shard and m.customer_id = c.id), '[]'),
        'responses', coalesce((select jsonb_agg(to_jsonb(r) - 'shard' - 'customer_id' - 'id'
                                                order by r.id)
                                 from godwit.messages m
                                 join godwit.responses r on r.shard = m.shard and r.message_id = m.id
                                where m.shard = c.shard and m.customer_id = c.id), '[]'),
        'decisions', coalesce((select jsonb_agg(to_jsonb(d) - 'shard' - 'customer_id' - 'id'
                                                order by d.id)
                                 from godwit.decisions d
                                where d.shard = c.shard and d.customer_id = c.id), '[]'))
      from godwit.customers c
     where c.shard = godwit.shard_of($1) and c.key = $1
$$;
