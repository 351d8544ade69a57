-- What an engine says of its channels. $1 engine; side by side: $2 channels, $3 rates,
-- $4 in flight, $5 trouble
with gone as (
    delete from godwit.channel_states c
     where not exists (select from godwit.engines e where e.id = c.engine)
        or (c.engine = $1::bigint and c.channel <> all ($2::text[])))
insert into godwit.channel_states as c (engine, channel, rate, in_flight, trouble)
select $1::bigint, x.* from unnest($2::text[], $3::double precision[], $4::integer[], $5::text[])
       as x (channel, rate, in_flight, trouble)
on conflict (engine, channel) do update
   set at = now(), rate = excluded.rate, in_flight = excluded.in_flight, trouble = excluded.trouble
