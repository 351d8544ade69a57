-- What is held back, with the messages that wait.
select p.campaign, p.paused_at, p.paused_by,
       (select count(*) from godwit.messages m
         where m.due_at is not null and m.status in ('queued', 'deferred')
           and (p.campaign = '*' or m.campaign = p.campaign))
  from godwit.pauses p
 order by p.paused_at
