-- Who enters. All side by side.
insert into godwit.enrolments (shard, customer_id, campaign, version, occurrence, entered_at,
                               event_id, event_name, event_at, event_properties, step, waiting,
                               wake_at, variant, ended_at, ended, end_detail)
select * from unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::text[],
                     $6::timestamptz[], $7::bigint[], $8::text[], $9::timestamptz[], $10::jsonb[],
                     $11::text[], $12::boolean[], $13::timestamptz[], $14::text[],
                     $15::timestamptz[], $16::text[], $17::text[])
