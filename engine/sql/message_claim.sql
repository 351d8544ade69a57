-- Messages of a channel that are due. $1 channel  $2 shards  $3 now  $4 rows at most
-- $5 ids that are in hand already
select m.shard, m.id, m.customer_id, m.campaign, m.step, m.occurrence, m.version, m.address,
       m.topic, m.locale, m.template, m.input, m.attempts, m.queued_at, m.expires_at,
       m.input -> '_hours', m.input ->> '_zone'
  from godwit.messages m
 where m.channel = $1 and m.due_at <= $3 and m.shard = any ($2::smallint[])
   and m.status in ('queued', 'deferred') and m.id <> all ($5::bigint[])
   and m.campaign <> all (array (select p.campaign from godwit.pauses p))
   and not exists (select from godwit.pauses p where p.campaign = '*')
 order by m.due_at
 limit $4
