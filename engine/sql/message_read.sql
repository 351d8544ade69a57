-- One message with what it was rendered from. $1 id
select m.shard, m.id, m.customer_id, m.campaign, m.step, m.occurrence, m.version, m.address,
       m.topic, m.locale, m.template, m.input, m.attempts::bigint, m.queued_at, m.expires_at,
       m.input -> '_hours', m.input ->> '_zone',
       m.status, m.channel, m.template_hash, t.sources
  from godwit.messages m
  left join godwit.template_sources t on t.hash = m.template_hash
 where m.shard = any (select generate_series(0, 63)::smallint) and m.id = $1
