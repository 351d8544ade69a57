-- A shard's part of a run that is not done. $1 shards  $2 now  $3 campaigns that have runs: what an
-- engine with other files knows of is left to it
select r.campaign, r.at, r.shard, r.after_id
  from godwit.run_shards r
 where r.shard = any ($1::smallint[]) and r.at <= $2 and r.campaign = any ($3::text[])
   and r.campaign <> all (array (select p.campaign from godwit.pauses p))
   and not exists (select from godwit.pauses p where p.campaign = '*')
 order by r.at, r.campaign, r.shard limit 1
