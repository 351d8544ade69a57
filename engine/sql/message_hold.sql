-- Due messages of paused campaigns are set aside, so that nothing stumbles over them again and
-- again; godwit.resume makes them due. $1 channel  $2 shards  $3 now
update godwit.messages m
   set due_at = 'infinity', reason = 'paused'
 where (m.shard, m.id) in (
    select h.shard, h.id from godwit.messages h
     where exists (select from godwit.pauses p where p.campaign <> '*')
       and h.channel = $1 and h.due_at <= $3 and h.shard = any ($2::smallint[])
       and h.status in ('queued', 'deferred')
       and h.campaign = any (array (select p.campaign from godwit.pauses p))
     order by h.due_at
     limit 5000)
