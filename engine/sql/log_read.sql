-- Messages, responses and decisions, oldest first. $1 campaign, $2 customer, $3 kind (each may be
-- null)  $4 later than  $5 until
select l.at, l.kind, l.campaign, l.customer, l.message_id, l.channel, l.url, l.human, l.reason
  from godwit.report_log l
 where l.at > $4 and l.at <= $5
   and ($1::text is null or l.campaign = $1)
   and ($2::text is null or l.shard = godwit.shard_of($2) and l.customer = $2)
   and ($3::text is null or l.kind = $3)
 order by l.at
