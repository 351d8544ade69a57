-- Messages of a channel that are due. $1 channel  $2 shards  $3 now by our clock  $4 rows at most
-- $5 ids that are in hand already  $6 bytes of input at most, but at least one row
select c.shard, c.id, c.customer_id, c.campaign, c.step, c.occurrence, c.version, c.address,
       c.topic, c.locale, c.template, c.input, c.attempts, c.queued_at, c.expires_at,
       c.input -> '_hours', c.input ->> '_zone'
  from (select d.*, sum(d.size) over (rows unbounded preceding) - d.size as ahead
          from (select m.*, case when pg_column_size(m.input) < 1000 then pg_column_size(m.input)
                                 else octet_length(m.input::text) end as size
                  from godwit.messages m
                 where m.channel = $1 and m.due_at <= greatest($3, now())
                   and m.shard = any ($2::smallint[])
                   and m.status in ('queued', 'deferred') and m.id <> all ($5::bigint[])
                   and m.campaign <> all (array (select p.campaign from godwit.pauses p))
                   and not exists (select from godwit.pauses p where p.campaign = '*')
                 order by m.due_at
                 limit $4) d) c
 where coalesce(c.ahead, 0) < $6::bigint
