-- What godwit.identify does, for all rows of a chunk in the order of the file: a customer who
-- stands in it several times is merged first. Ordered, so that two writers cannot deadlock.
insert into godwit.customers as c (shard, key, email, phone, locale, timezone, attributes)
select godwit.shard_of(key), key,
       (array_agg(email order by n desc) filter (where email is not null))[1],
       (array_agg(phone order by n desc) filter (where phone is not null))[1],
       (array_agg(locale order by n desc) filter (where locale is not null))[1],
       (array_agg(timezone order by n desc) filter (where timezone is not null))[1],
       godwit.merge(attributes order by n)
  from godwit_import
 group by key
 order by 1, 2
    on conflict (shard, key) do update
       set email = coalesce(excluded.email, c.email),
           phone = coalesce(excluded.phone, c.phone),
           locale = coalesce(excluded.locale, c.locale),
           timezone = coalesce(excluded.timezone, c.timezone),
           attributes = c.attributes || excluded.attributes,
           updated_at = now()
