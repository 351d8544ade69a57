-- Messages in doubt are queued again, or given up. $1 campaign or null  $2 ids, or none: all
-- $3 resend
update godwit.messages m
   set status = case when $3::boolean then 'queued' else 'failed' end,
       due_at = case when $3::boolean then now() end,
       reason = case when $3::boolean then 'in doubt: sent again by hand'
                     else 'in doubt: dropped by hand; it may have arrived' end
 where m.status = 'in_doubt' and m.doubted_at is not null and ($1::text is null or m.campaign = $1)
   and (cardinality($2::bigint[]) = 0 or m.id = any ($2::bigint[]))
returning m.id
