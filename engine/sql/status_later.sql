-- What is due without an event and not worked off yet, and how old the oldest is; what is set aside
-- because its campaign is held back; runs that are under way.
select (select count(*) from godwit.enrolments n
         where n.ended_at is null and not n.paused and n.wake_at <= now()) as steps,
       (select count(*) from godwit.campaign_timers t
         where t.due_at < 'infinity' and not t.paused and t.due_at <= now()) as timers,
       coalesce(extract(epoch from now() - least(
           (select min(n.wake_at) from godwit.enrolments n
             where n.ended_at is null and not n.paused and n.wake_at <= now()),
           (select min(t.due_at) from godwit.campaign_timers t
             where t.due_at < 'infinity' and t.due_at > '-infinity' and not t.paused
               and t.due_at <= now()))), 0)::double precision as lag,
       (select count(*) from godwit.enrolments n where n.paused)
           + (select count(*) from godwit.campaign_timers t where t.paused) as paused,
       (select count(distinct (r.campaign, r.at)) from godwit.run_shards r) as runs
