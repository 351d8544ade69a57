-- Everybody, in the order of the bytes of their keys. $1: whether there are consents to be read
-- $2: whether there are suppressions
declare simulate_customers no scroll cursor for
select c.key, c.id, c.email, c.phone, c.locale, c.timezone, c.attributes, c.created_at,
       r.r, r.f, r.m, r.purchases, r.revenue, r.top,
       case when $1::boolean then (
           select jsonb_agg(jsonb_build_array(n.channel, n.topic, n.state = 'subscribed',
                                              (extract(epoch from n.at) * 1000000)::bigint))
             from (select distinct on (channel, topic) channel, topic, state, at
                     from godwit.consents
                    where shard = c.shard and customer_id = c.id
                    order by channel, topic, id desc) n) end as consents,
       case when $2::boolean then (
           select jsonb_agg(jsonb_build_array(s.channel, s.reason))
             from godwit.suppressions s
            where (s.channel = 'email' and c.email is not null
                   and s.address_hash = godwit.address_hash(c.email))
               or (s.channel = 'sms' and c.phone is not null
                   and s.address_hash = godwit.address_hash(c.phone))) end as suppressions
  from godwit.customers c
  left join godwit.rfm r on r.shard = c.shard and r.customer_id = c.id
 order by c.key collate "C"
