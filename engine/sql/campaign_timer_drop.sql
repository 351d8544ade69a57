-- Timers that wait for nothing. Side by side: $1 shards  $2 customers  $3 campaigns
delete from godwit.campaign_timers t
 using unnest($1::smallint[], $2::bigint[], $3::text[]) as r (shard, customer_id, campaign)
 where t.shard = r.shard and t.customer_id = r.customer_id and t.campaign = r.campaign
