-- The versions that people are inside of, with their files: one probe of the index each.
with recursive inside as (
    (select n.campaign, n.version from godwit.enrolments n
      where n.ended_at is null order by n.campaign, n.version limit 1)
    union all
    select x.* from inside i cross join lateral (
        select n.campaign, n.version from godwit.enrolments n
         where n.ended_at is null and (n.campaign, n.version) > (i.campaign, i.version)
         order by n.campaign, n.version limit 1) x)
select i.campaign, i.version, v.source
  from inside i
  join godwit.campaign_versions v on v.campaign = i.campaign and v.version = i.version
