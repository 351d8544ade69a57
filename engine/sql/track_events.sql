-- Side by side: $1 customers, $2 names, $3 properties, $4 occurred at, $5 dedupe
insert into godwit.events (customer, name, properties, occurred_at, dedupe)
select k.customer, k.name, k.properties, k.occurred_at, k.dedupe
  from (select godwit.customer_of(u.customer) as customer, u.name, u.properties, u.occurred_at,
               u.dedupe
          from unnest($1::text[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::text[])
               with ordinality as u (customer, name, properties, occurred_at, dedupe, n)
         order by 1, u.n offset 0) as k
