-- all side by side
insert into godwit.decisions (shard, customer_id, campaign, version, event_id, at, outcome, gate, reason)
select * from unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[],
                     $6::timestamptz[], $7::text[], $8::text[], $9::text[])
