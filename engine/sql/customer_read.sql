-- $1 shards, $2 keys: side by side
select c.shard, c.id, c.key, c.email, c.phone, c.locale, c.timezone, c.attributes,
       (select s.reason from godwit.suppressions s
         where s.channel = 'email' and c.email is not null
           and s.address_hash = sha256(convert_to(secret.value || lower(btrim(c.email)), 'UTF8'))) as email_suppressed,
       (select s.reason from godwit.suppressions s
         where s.channel = 'sms' and c.phone is not null
           and s.address_hash = sha256(convert_to(secret.value || lower(btrim(c.phone)), 'UTF8'))) as phone_suppressed,
       r.r, r.f, r.m, r.purchases, r.revenue, r.top, c.created_at
  from unnest($1::smallint[], $2::text[]) as k (shard, key)
  join godwit.customers c on c.shard = k.shard and c.key = k.key
  left join godwit.rfm r on r.shard = c.shard and r.customer_id = c.id
 cross join (select value from godwit.settings where key = 'secret') secret
