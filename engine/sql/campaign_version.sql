-- side by side: $1 campaigns, $2 versions, $3 sources, $4 goal events or null, $5 within, in us
insert into godwit.campaign_versions (campaign, version, source, goal_event, goal_within)
select c.campaign, c.version, c.source, c.goal, c.within * interval '1 microsecond'
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
       as c (campaign, version, source, goal, within)
on conflict (campaign, version) do nothing
