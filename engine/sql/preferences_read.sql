-- What the preference page of a message shows. $1 shard  $2 message
select m.channel, m.topic, coalesce(c.locale, m.locale) as locale
  from godwit.messages m
  join godwit.customers c on c.shard = m.shard and c.id = m.customer_id
 where m.shard = $1 and m.id = $2
