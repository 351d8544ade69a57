-- Each channel: what waits (due: now; later: retried or postponed; paused), what is being handed
-- over, what is in doubt, and what the engines say. $1 the workspace's channels
with queues as (
    select m.channel,
           count(*) filter (where m.status <> 'sending' and m.due_at <= now()) as due,
           count(*) filter (where m.status <> 'sending' and m.due_at > now()
                              and m.due_at < 'infinity') as later,
           count(*) filter (where m.due_at = 'infinity') as paused,
           count(*) filter (where m.status = 'sending') as sending
      from godwit.messages m where m.due_at is not null group by m.channel),
doubts as (
    select m.channel, count(*) as in_doubt
      from godwit.messages m
     where m.status = 'in_doubt' and m.doubted_at is not null group by m.channel),
states as (
    select c.channel, sum(c.rate) as rate, string_agg(distinct c.trouble, '; ') as trouble
      from godwit.channel_states c join godwit.engines e on e.id = c.engine
     where c.at > now() - interval '15 seconds' group by c.channel)
select n.channel, coalesce(q.due, 0), coalesce(q.later, 0), coalesce(q.paused, 0),
       coalesce(q.sending, 0), coalesce(d.in_doubt, 0), coalesce(s.rate, 0)::double precision,
       case when coalesce(q.due, 0) = 0 then 0
            when s.rate > 0 then q.due / s.rate end::double precision,
       coalesce(s.trouble, '')
  from (select unnest($1::text[]) as channel union select channel from queues
        union select channel from doubts) n
  left join queues q on q.channel = n.channel
  left join doubts d on d.channel = n.channel
  left join states s on s.channel = n.channel
 order by n.channel
