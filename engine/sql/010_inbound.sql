-- SPDX-License-Identifier: Apache-2.0
-- What comes back by mail, and what follows from a refusal, whether it was said at once or in a
-- report later.

create table godwit.inbound (
    report      bytea primary key,
    at          timestamptz not null default now(),
    kind        text not null check (kind in ('bounce', 'delayed', 'delivered', 'complaint', 'reply',
                                              'auto_reply', 'unmatched', 'unrecognised')),
    shard       smallint,
    message_id  bigint,
    sender_hash bytea,
    subject     text,
    mail        bytea
);
comment on table godwit.inbound is 'each mail that came in, once; what tells of no message of ours keeps its subject and, for 30 days, its first 64 KiB';
comment on column godwit.inbound.report is 'a digest of what names the mail, so that the same one counts once';
create index inbound_at on godwit.inbound (at);
create index inbound_sender on godwit.inbound (sender_hash) where sender_hash is not null;
create index inbound_kept on godwit.inbound (at) where mail is not null;

create table godwit.bounce_runs (
    channel         text not null,
    address_hash    bytea not null,
    bounces         integer not null,
    first_at        timestamptz not null,
    last_at         timestamptz not null,
    last_class      text not null,
    last_message_at timestamptz not null,
    primary key (channel, address_hash)
);
comment on table godwit.bounce_runs is 'soft bounces of an address with nothing delivered between';

create table godwit.destination_pauses (
    channel   text not null,
    domain    text not null,
    blocks    integer not null,
    counts_at timestamptz not null,
    until     timestamptz,
    reason    text not null,
    primary key (channel, domain)
);
comment on table godwit.destination_pauses is 'domains that refuse us as a sender; nothing is handed over for them before `until`';

-- A domain refused us. Words about our reputation pause it at once, other policy refusals when
-- five came within an hour.
create function godwit.count_block(on_channel text, of_domain text, reputation boolean,
                                   why text, pause interval) returns void
    language sql as $$
    insert into godwit.destination_pauses as p (channel, domain, blocks, counts_at, until, reason)
    values (on_channel, of_domain, case when reputation then 0 else 1 end, now(),
            case when reputation then now() + pause end, why)
    on conflict (channel, domain) do update
       set blocks = case when p.until > now() or reputation
                              or (p.counts_at > now() - interval '1 hour' and p.blocks >= 4) then 0
                         when p.counts_at > now() - interval '1 hour' then p.blocks + 1
                         else 1 end,
           counts_at = case when p.counts_at > now() - interval '1 hour' and p.blocks > 0
                            then p.counts_at else now() end,
           until = case when p.until > now() then p.until -- what was on its way does not prolong it
                        when reputation or (p.counts_at > now() - interval '1 hour'
                                            and p.blocks >= 4) then now() + pause
                        else p.until end,
           reason = case when p.until > now() then p.reason else excluded.reason end
$$;

-- One more soft bounce of an address. Returns why it is to be suppressed, or null.
create function godwit.count_soft(m godwit.messages, class text, soft_most integer,
                                  soft_over interval) returns text
    language plpgsql as $$
declare
    hash bytea := godwit.address_hash(m.address);
    sent timestamptz := coalesce(m.sent_at, m.sending_at, m.queued_at);
    run godwit.bounce_runs;
begin
    insert into godwit.bounce_runs
    values (m.channel, hash, 0, now(), now(), class, sent) on conflict do nothing;
    select * into run from godwit.bounce_runs r
     where r.channel = m.channel and r.address_hash = hash for update;
    if exists (select from godwit.messages n
                where n.customer_id = m.customer_id and n.shard = m.shard and n.channel = m.channel
                  and n.status = 'sent' and lower(btrim(n.address)) = lower(btrim(m.address))
                  and n.sent_at > run.last_message_at and n.sent_at < sent
                  and not exists (select from godwit.responses r
                                   where r.shard = n.shard and r.message_id = n.id
                                     and r.kind = 'bounce')) then
        run.bounces := 0; -- something was delivered between
    end if;
    if run.bounces = 0 then
        run.first_at := now();
    end if;
    run.bounces := run.bounces + 1;
    update godwit.bounce_runs r
       set bounces = run.bounces, first_at = run.first_at, last_at = now(), last_class = class,
           last_message_at = greatest(sent, run.last_message_at)
     where r.channel = m.channel and r.address_hash = hash;
    if run.bounces >= soft_most and now() - run.first_at >= soft_over then
        return format('%s soft bounces since %s', run.bounces,
                      to_char(run.first_at at time zone 'UTC', 'YYYY-MM-DD'));
    elsif class = 'domain' and run.last_class = 'domain' and run.bounces > 1
          and now() - run.last_at <= interval '72 hours' then
        return 'no such domain, twice within three days';
    end if;
    return null;
end $$;

create function godwit.suppress_address(on_channel text, address text, why text) returns void
    language sql as $$
    insert into godwit.suppressions (channel, address_hash, reason)
    select on_channel, godwit.address_hash(address), left(why, 500) where address <> ''
    on conflict do nothing
$$;

-- A refusal: the response, and what follows from its class.
create function godwit.record_bounce(of_shard smallint, of_message bigint, class text,
                                     reputation boolean, details jsonb, soft_most integer,
                                     soft_over interval, pause interval) returns void
    language plpgsql as $$
declare
    m godwit.messages;
    said text := coalesce(details ->> 'reason', '');
    why text;
begin
    select * into m from godwit.messages g where g.shard = of_shard and g.id = of_message;
    insert into godwit.responses (shard, message_id, customer_id, campaign, kind, details)
    values (m.shard, m.id, m.customer_id, m.campaign, 'bounce',
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

-- One mail that came in; `what` as for the table. Returns what became of it, which is `what`,
-- `unmatched` when there is no such message, or `repeated`.
create function godwit.take_inbound(of_report bytea, what text, of_shard smallint, of_message bigint,
                                    class text, reputation boolean, of_details jsonb, sender text,
                                    of_subject text, content bytea, soft_most integer,
                                    soft_over interval, pause interval) returns text
    language plpgsql as $$
declare
    m godwit.messages;
    became text := what;
    counted boolean := what in ('bounce', 'complaint', 'reply');
begin
    select * into m from godwit.messages g where g.shard = of_shard and g.id = of_message;
    if not found and what <> 'unrecognised' and counted then
        became := 'unmatched';
    end if;
    insert into godwit.inbound (report, kind, shard, message_id, sender_hash, subject, mail)
    values (of_report, became, m.shard, m.id,
            case when m.id is null or became = 'unrecognised'
                 then godwit.address_hash(nullif(sender, '')) end,
            case when m.id is null then of_subject end,
            case when became in ('unmatched', 'unrecognised') then content end)
    on conflict do nothing;
    if not found then
        return 'repeated';
    end if;
    if became = 'bounce' then
        perform godwit.record_bounce(m.shard, m.id, class, reputation, of_details, soft_most, soft_over,
                                     pause);
    elsif counted and m.id is not null then
        insert into godwit.responses (shard, message_id, customer_id, campaign, kind, human, details)
        values (m.shard, m.id, m.customer_id, m.campaign, became,
                case when became = 'reply' then true end, jsonb_strip_nulls(of_details));
        if became = 'complaint' then
            perform godwit.suppress_address(m.channel, m.address,
                                            'complaint: ' || coalesce(of_details ->> 'reason', ''));
        end if;
    end if;
    update godwit.inbound i set mail = null
     where i.report in (select k.report from godwit.inbound k
                         where k.mail is not null and k.at < now() - interval '30 days' limit 10);
    delete from godwit.inbound i
     where i.report in (select k.report from godwit.inbound k
                         where k.at < now() - interval '400 days' order by k.at limit 10);
    return became;
end $$;

-- Whoever is erased leaves no mail behind.
create function godwit.forget_inbound() returns trigger
    language plpgsql as $$
begin
    delete from godwit.inbound i where i.sender_hash = godwit.address_hash(old.email);
    return null;
end $$;
create trigger forget_inbound after update of email on godwit.customers
    for each row when (old.email is not null and new.email is null)
    execute function godwit.forget_inbound();

create view godwit.report_bounces as
select r.message_id, c.key as customer, r.campaign, m.channel, r.at,
       coalesce(r.details ->> 'class', 'soft') as class, r.details ->> 'status' as status,
       r.details ->> 'reason' as reason, r.details ->> 'reporting_mta' as reporting_mta,
       lower(substring(m.address from '[^@]*$')) as domain
  from godwit.responses r
  join godwit.customers c on c.shard = r.shard and c.id = r.customer_id
  join godwit.messages m on m.shard = r.shard and m.id = r.message_id
 where r.kind = 'bounce';
