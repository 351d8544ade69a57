-- Messages that failed for good and have another channel to fall back on: a new message each, to be
-- sent now. Side by side: $1 ids  $2 shards  $3 leases  $4 channels  $5 topics  $6 templates
-- $7 what the address is (email, phone, key); $8 now
insert into godwit.messages (shard, customer_id, campaign, step, occurrence, version, variant,
                             channel, topic, address, locale, template, input, event_id, queued_at,
                             due_at, expires_at)
select m.shard, m.customer_id, m.campaign, m.step || '/else', m.occurrence, m.version, m.variant,
       r.channel, r.topic, a.address, m.locale, r.template, m.input, m.event_id, $8, $8,
       m.expires_at
  from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
              $7::text[]) as r (id, shard, lease, channel, topic, template, kind)
  join godwit.messages m on m.shard = r.shard and m.id = r.id
  join godwit.customers c on c.shard = m.shard and c.id = m.customer_id
 cross join lateral (select case r.kind when 'email' then c.email when 'phone' then c.phone
                                        else c.key end as address) a
 where m.status = 'failed' and m.lease = r.lease and a.address <> ''
on conflict (shard, customer_id, campaign, step, occurrence) do nothing
