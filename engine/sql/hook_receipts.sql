-- In the order of the messages, so that two groups cannot deadlock; the message is looked for once.
-- $1 soft bounces at most  $2 within at least, us  $3 pause of a domain, us
-- Side by side: $4 whose, $5 channels, $6 shards, $7 messages (null: by number), $8 provider's numbers,
-- $9 kinds, $10 classes, $11 codes, $12 texts, $13 instants. Whose had which outcome.
select r.owner, godwit.record_receipt(r.m, r.provider, r.kind, r.class, r.code, r.said, r.at, $1::integer,
                                      $2::bigint * interval '1 microsecond',
                                      $3::bigint * interval '1 microsecond') as outcome
  from (select * from (
            select u.*, godwit.reported_message(u.channel, u.shard, u.message, u.provider) as m
              from unnest($4::integer[], $5::text[], $6::smallint[], $7::bigint[], $8::text[],
                          $9::text[], $10::text[], $11::text[], $12::text[], $13::timestamptz[])
                       with ordinality
                as u (owner, channel, shard, message, provider, kind, class, code, said, at, n)
            offset 0) f
         order by (f.m).id, f.n offset 0) as r
