-- The latest word on each topic that covers the message's channel. $1 shard  $2 message
select distinct on (n.topic) n.topic, n.id, n.state = 'subscribed' as subscribed
  from godwit.messages m
  join godwit.consents n on n.shard = m.shard and n.customer_id = m.customer_id
                        and n.channel in (m.channel, '*')
 where m.shard = $1 and m.id = $2
 order by n.topic, n.id desc
