-- What journeys make happen. Side by side: $1 customers  $2 names  $3 properties  $4 when
-- $5 dedupe
insert into godwit.events (customer, name, properties, occurred_at, dedupe)
select * from unnest($1::text[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::text[])
