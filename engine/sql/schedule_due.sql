-- $1 now
select s.campaign, s.next_at from godwit.schedules s where s.next_at <= $1
