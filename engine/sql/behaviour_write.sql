-- side by side: $1 shards, $2 customer ids, $3 event names, $4 layouts, $5 data
insert into godwit.behaviour as b (shard, customer_id, name, layout, data)
select * from unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[])
on conflict (shard, customer_id, name) do update
    set layout = excluded.layout, data = excluded.data
