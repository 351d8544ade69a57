-- Messages that wait, and those that are being handed over. $1 campaign, * for all
select count(*) filter (where status in ('queued', 'deferred')),
       count(*) filter (where status = 'sending')
  from godwit.messages
 where due_at is not null and ($1::text = '*' or campaign = $1)
