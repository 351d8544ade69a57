-- Side by side: $1 shards, $2 messages, $3 customers, $4 campaigns, $5 kinds, $6 at, $7 URLs,
-- $8 human, $9 details
insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, url, human, details)
select * from unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[],
                     $6::timestamptz[], $7::text[], $8::boolean[], $9::jsonb[])
