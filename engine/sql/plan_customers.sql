-- Whom each campaign would reach, and the most that one customer would get of it
select campaign, count(*), max(n)
  from (select campaign, customer, count(*) as n from pg_temp.plan_messages
         where outcome = 'send' group by 1, 2) x
 group by campaign
