-- Side by side: $1 shards  $2 customers  $3 campaigns  $4 due  $5 since  $6 events
insert into godwit.campaign_timers as t (shard, customer_id, campaign, due_at, since, event_id)
select * from unnest($1::smallint[], $2::bigint[], $3::text[], $4::timestamptz[],
                     $5::timestamptz[], $6::bigint[])
on conflict (customer_id, campaign, shard) do update
   set due_at = excluded.due_at, since = excluded.since, event_id = excluded.event_id,
       paused = false
