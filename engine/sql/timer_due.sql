-- Customers whose timer is due, with what segments look at. $1 shards  $2 most  $3 now
select d.shard, c.id, c.key, c.email, c.phone, c.locale, c.timezone, c.attributes,
       r.r, r.f, r.m, r.purchases, r.revenue, r.top, d.generation, d.touched,
       (select string_agg(m.segment, ',') from godwit.memberships m
         where m.shard = c.shard and m.customer_id = c.id) as segments
  from (select t.shard, t.customer_id, t.generation, t.touched
          from godwit.timers t
         where t.due_at <= $3::timestamptz and t.what = 'segments' and t.shard = any ($1::smallint[])
         order by t.due_at limit $2::bigint) d
  join godwit.customers c on c.shard = d.shard and c.id = d.customer_id
  left join godwit.rfm r on r.shard = c.shard and r.customer_id = c.id
