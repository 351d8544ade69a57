-- SPDX-License-Identifier: Apache-2.0
-- What comes back over HTTP: preferences, events of Segment's libraries; and a customer's rights.

-- Consent as one message's recipient sets it. No topics: the message's own topic on its own
-- channel; otherwise each topic ('*': all) on all channels. Only what changes is written, and an
-- unsubscribe leaves a response. Returns how many changed; null: there is no such message.
create function godwit.set_preferences(of_shard smallint, of_message bigint, source text,
                                       topics text[], states boolean[], defaults boolean[])
    returns integer
    language plpgsql as $$
declare
    m record;
    wanted record;
    current_state text;
    changed integer := 0;
    off jsonb := '[]';
begin
    select g.channel, g.topic, g.campaign, g.customer_id, c.key into m
      from godwit.messages g
      join godwit.customers c on c.shard = g.shard and c.id = g.customer_id
     where g.shard = of_shard and g.id = of_message;
    if not found then
        return null;
    end if;
    perform pg_advisory_xact_lock(7302, (m.customer_id & 2147483647)::integer);
    for wanted in
        select case when topics = '{}' then m.channel else '*' end as channel, w.topic,
               case when w.subscribed then 'subscribed' else 'unsubscribed' end as state,
               case when w.by_default then 'subscribed' else 'unsubscribed' end as by_default
          from unnest(case when topics = '{}' then array[coalesce(m.topic, '*')] else topics end,
                      states, defaults)
               as w (topic, subscribed, by_default)
    loop
        select n.state into current_state
          from godwit.consents n
         where n.shard = of_shard and n.customer_id = m.customer_id
           and n.channel in (m.channel, '*')
           and (wanted.topic = '*' or n.topic in (wanted.topic, '*'))
           and (wanted.topic <> '*' or n.topic = '*')
         order by n.id desc limit 1;
        if not found then
            current_state := wanted.by_default;
        end if;
        -- "everything" is always written: single topics may have been switched on since
        if wanted.topic = '*' or current_state <> wanted.state then
            perform godwit.set_consent(m.key, wanted.channel, wanted.topic, wanted.state, source);
            changed := changed + 1;
            if wanted.state = 'unsubscribed' then
                off := off || to_jsonb(wanted.topic);
            end if;
        end if;
    end loop;
    if off <> '[]' then
        insert into godwit.responses (shard, message_id, customer_id, campaign, kind, details)
        values (of_shard, of_message, m.customer_id, m.campaign, 'unsubscribe',
                jsonb_build_object('source', source, 'topics', off));
    end if;
    return changed;
end $$;

create table godwit.customer_aliases (
    previous text primary key,
    customer text not null,
    at       timestamptz not null default now()
);
comment on table godwit.customer_aliases is 'anonymous or former keys of customers, as events over HTTP tell them';

create function godwit.customer_of(key text) returns text
    language sql stable strict as $$
    select coalesce((select a.customer from godwit.customer_aliases a where a.previous = key), key)
$$;

-- Erases a person. Events, attributes, addresses, consents and what messages were made from go;
-- the rows that statistics count stay, under a key that says nothing. The hashes of the addresses
-- stay suppressed, so that no import brings them back. False: there is no such customer.
create function godwit.forget(customer text) returns boolean
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
     where r.shard = who.shard and r.customer_id = who.id;
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
comment on function godwit.forget is 'erases a person: personal data goes, statistics and the hashes of suppressed addresses stay';

-- All that is held about a person; null: nobody has that key.
create function godwit.export_customer(customer text) returns jsonb
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
                                 from godwit.responses r
                                where r.shard = c.shard and r.customer_id = c.id), '[]'),
        'decisions', coalesce((select jsonb_agg(to_jsonb(d) - 'shard' - 'customer_id' - 'id'
                                                order by d.id)
                                 from godwit.decisions d
                                where d.shard = c.shard and d.customer_id = c.id), '[]'))
      from godwit.customers c
     where c.shard = godwit.shard_of($1) and c.key = $1
$$;
comment on function godwit.export_customer is 'all that is held about a person, as JSON';

-- What `godwit log` shows: messages, responses and decisions, one line each.
create view godwit.report_log as
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
union all
select d.shard, d.customer_id, d.at, d.outcome, d.campaign, c.key, null, null, null, null, d.reason
  from godwit.decisions d
  join godwit.customers c on c.shard = d.shard and c.id = d.customer_id;
-- rows come in the order of time: a summary of ranges is enough, and costs an insert nothing
create index responses_at on godwit.responses using brin (at);
