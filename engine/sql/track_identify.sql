-- In order of the customer, so that two cannot deadlock. Side by side: $1 customers,
-- $2 attributes, $3 emails, $4 phones, $5 locales, $6 time zones
select count(godwit.identify(k.customer, k.attributes, k.email, k.phone, k.locale, k.timezone))
  from (select godwit.customer_of(u.customer) as customer, u.attributes, u.email, u.phone,
               u.locale, u.timezone
          from unnest($1::text[], $2::jsonb[], $3::text[], $4::text[], $5::text[], $6::text[])
               with ordinality as u (customer, attributes, email, phone, locale, timezone, n)
         order by 1, u.n offset 0) as k
