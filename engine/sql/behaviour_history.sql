-- The events of some customers that were decided on already: for behaviour that is
-- not kept yet. Side by side: $1 shards, $2 keys, $3 event names; $4 last, $5 target,
-- $6 xid and $7 id of the cursor where the batch begins ($5 and $6 are null before a
-- round's first batch); $8 properties above so many bytes are left out
select k.key, k.name, e.id, e.occurred_at, e.properties
  from unnest($1::smallint[], $2::text[], $3::text[]) as k (shard, key, name)
 cross join lateral (
        select v.id, v.occurred_at,
               case when pg_column_size(v.properties) <= $8 then v.properties end as properties
          from godwit.events v
         where v.shard = k.shard and v.customer = k.key and v.name = k.name
           and (pg_visible_in_snapshot(v.xid, $4::text::pg_snapshot)
                or (pg_visible_in_snapshot(v.xid, $5::text::pg_snapshot)
                    and (v.xid, v.id) <= ($6::text::xid8, $7::bigint)))
         order by v.occurred_at, v.id) e
