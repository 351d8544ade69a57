-- Side by side: $1 previous keys, $2 customers
insert into godwit.customer_aliases as a (previous, customer)
select distinct on (k.previous) k.previous, k.customer
  from unnest($1::text[], $2::text[]) with ordinality as k (previous, customer, n)
 where k.previous <> k.customer
 order by k.previous, k.n desc
on conflict (previous) do update set customer = excluded.customer, at = now()
 where a.customer <> excluded.customer
