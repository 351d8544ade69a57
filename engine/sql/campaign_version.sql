-- side by side: $1 campaigns, $2 versions, $3 sources
insert into godwit.campaign_versions (campaign, version, source)
select * from unnest($1::text[], $2::text[], $3::text[])
on conflict (campaign, version) do nothing
