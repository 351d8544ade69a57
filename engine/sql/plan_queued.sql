-- Messages that are in the outbox already
select campaign, channel, status, count(*)
  from godwit.messages where due_at is not null
 group by 1, 2, 3 order by 1, 2, 3
