-- Side by side: $1 shards  $2 customers  $3 segments  $4 entered, or left; $5 when
with changes as (
    select * from unnest($1::smallint[], $2::bigint[], $3::text[], $4::boolean[])
               as c (shard, customer_id, segment, entered)),
left_ as (
    delete from godwit.memberships m using changes c
     where not c.entered and m.shard = c.shard and m.customer_id = c.customer_id
       and m.segment = c.segment)
insert into godwit.memberships (shard, customer_id, segment, since)
select c.shard, c.customer_id, c.segment, $5::timestamptz from changes c where c.entered
on conflict do nothing
