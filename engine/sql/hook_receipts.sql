-- In the order of the messages, so that two requests cannot deadlock. $1 channel; side by side:
-- $2 shards, $3 messages (null: by number), $4 provider's numbers, $5 kinds, $6 classes, $7 codes,
-- $8 texts, $9 instants. How many had which outcome.
select godwit.record_receipt($1, r.shard, r.message, r.provider, r.kind, r.class, r.code, r.said, r.at)
           as outcome
  from (select * from unnest($2::smallint[], $3::bigint[], $4::text[], $5::text[], $6::text[],
                             $7::text[], $8::text[], $9::timestamptz[])
                      with ordinality
               as u (shard, message, provider, kind, class, code, said, at, n)
         order by (godwit.reported_message($1, u.shard, u.message, u.provider)).id, u.n offset 0) as r
