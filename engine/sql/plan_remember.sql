-- all side by side
insert into pg_temp.plan_messages (shard, customer, campaign, channel, topic, at, outcome)
select * from unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::text[],
                     $6::timestamptz[], $7::text[])
