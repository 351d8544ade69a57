-- SPDX-License-Identifier: Apache-2.0
-- Marking looks into each message once, when it writes it: whose message it is, where it goes and
-- about what does not change, and whoever claimed it knows.
drop function godwit.mark_sending(bigint[], smallint[], bigint[], text[], boolean[]);

-- Marks as sending what may still go, or cancels it, and returns the ids of what may. Under locks
-- that exclude a change of consent, and an end of the lease, until the transaction has ended; what
-- cannot be locked now is left alone. All but the channel side by side.
create function godwit.mark_sending(of_channel text, ids bigint[], shards smallint[],
                                    leases bigint[], hashes text[], defaults boolean[],
                                    customers bigint[], campaigns text[], topics text[],
                                    addresses text[])
    returns setof bigint
    language plpgsql as $$
declare
    wanted bigint[];
    secret text;
begin
    select array_agg(w.id), (select s.value from godwit.settings s where s.key = 'secret')
      into wanted, secret
      from unnest(ids, shards, customers) as w (id, shard, customer)
     where pg_try_advisory_xact_lock_shared(7303, w.shard)
       and pg_try_advisory_xact_lock_shared(7302, (w.customer & 2147483647)::integer);

    -- materialized, so that the look into messages goes by (shard, id), also with a plan that was
    -- made while the table was empty
    return query
    with judged as materialized (
        select w.shard, w.id, w.lease, w.hash,
               case when s.reason is not null then 'suppressed: ' || s.reason
                    when w.topic is not null and coalesce(c.state = 'unsubscribed', not w.by_default)
                    then 'unsubscribed from ' || w.topic end as why
          from unnest(ids, shards, leases, hashes, defaults, customers, campaigns, topics, addresses)
                 as w (id, shard, lease, hash, by_default, customer, campaign, topic, address)
          join godwit.shards o on o.shard = w.shard and o.fence = w.lease
          left join godwit.suppressions s
                 on s.channel = of_channel
                and s.address_hash = sha256(convert_to(secret || lower(btrim(w.address)), 'UTF8'))
          left join lateral (
                select c.state from godwit.consents c
                 where c.shard = w.shard and c.customer_id = w.customer
                   and c.channel in (of_channel, '*') and c.topic in (w.topic, '*')
                 order by c.id desc limit 1) c on w.topic is not null
         where w.id = any (wanted)
           and not exists (select from godwit.pauses p where p.campaign in (w.campaign, '*'))),
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
    select k.id from marked k where k.status = 'sending';
end $$;
