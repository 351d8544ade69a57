-- $1 shards, $2 keys: side by side  $3 attributes above so many bytes as text are left out
-- $4 bytes at most in all, but at least one row's: behind them attributes are left out, too
select c.shard, c.id, c.key, c.email, c.phone, c.locale, c.timezone,
       case when c.size <= $3::bigint and c.ahead < $4::bigint then c.attributes end as attributes,
       (select s.reason from godwit.suppressions s
         where s.channel = 'email' and c.email is not null
           and s.address_hash = sha256(convert_to(secret.value || lower(btrim(c.email)), 'UTF8'))) as email_suppressed,
       (select s.reason from godwit.suppressions s
         where s.channel = 'sms' and c.phone is not null
           and s.address_hash = sha256(convert_to(secret.value || lower(btrim(c.phone)), 'UTF8'))) as phone_suppressed,
       r.r, r.f, r.m, r.purchases, r.revenue, r.top, c.size::bigint, c.created_at
  from (select n.*, sum(case when n.size <= $3::bigint then n.size else 0 end)
                        over (rows unbounded preceding) - n.size as ahead
          -- what is stored in few bytes may be many: it is compressed, which short values are not
          from (select c.*, case when pg_column_size(c.attributes) < 1000 then pg_column_size(c.attributes)
                                 else octet_length(c.attributes::text) end as size
                  from unnest($1::smallint[], $2::text[]) as k (shard, key)
                  join godwit.customers c on c.shard = k.shard and c.key = k.key) n) c
  left join godwit.rfm r on r.shard = c.shard and r.customer_id = c.id
 cross join (select value from godwit.settings where key = 'secret') secret
