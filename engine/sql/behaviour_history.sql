-- The events of some customers that were decided on already: for behaviour that is
-- not kept yet. Side by side: $1 shards, $2 keys, $3 event names; $4 last, $5 target,
-- $6 xid and $7 id of the end of this batch.
select k.key, e.name, e.id, e.occurred_at,
       case when pg_column_size(e.properties) <= $8 then e.properties end as properties
  from unnest($1::smallint[], $2::text[], $3::text[]) as k (shard, key, name)
  join godwit.events e on e.shard = k.shard and e.customer = k.key and e.name = k.name
 where pg_visible_in_snapshot(e.xid, $4::text::pg_snapshot)
    or (pg_visible_in_snapshot(e.xid, $5::text::pg_snapshot)
        and (e.xid, e.id) <= ($6::text::xid8, $7::bigint))
 order by e.shard, e.customer, e.name, e.occurred_at, e.id
