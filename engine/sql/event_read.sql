-- The next batch of a round of the snapshot cursor: what became visible between `last`
-- and `target`, by (xid, id), behind the position. First what was running at `last`,
-- then what began after it. A null target starts a round at this statement's snapshot.
-- $1 shards  $2 last  $3 target or null  $4 position: xid or null  $5 position: id
-- $6 rows at most  $7 properties above so many bytes as text are left out  $8 bytes at most in
-- all, but at least one row; `found` says how many rows there would have been
with span as materialized (
    select s.*, coalesce($4::text, '0')::xid8 as pos_xid,
           greatest(coalesce($4::text, '0')::xid8, pg_snapshot_xmax(s.last)) as from_xid,
           case when coalesce($4::text, '0')::xid8 >= pg_snapshot_xmax(s.last)
                then $5::bigint else 0 end as from_id
      from (select $2::text::pg_snapshot as last,
                   coalesce($3::text::pg_snapshot, pg_current_snapshot()) as target) s)
select s.target::text as target, e.xid::text as xid, e.id, e.shard, e.customer, e.name,
       case when e.size <= $7::bigint then e.properties end as properties, e.size::bigint,
       e.occurred_at, e.mode, e.found
  from span s
  left join lateral (select r.* from (select b.*, count(*) over () as found,
           sum(case when b.size <= $7::bigint then b.size else 0 end)
               over (order by b.xid, b.id rows unbounded preceding) - b.size as ahead from (
    -- what is stored in few bytes may be many: it is compressed, which short values are not
    select n.*, case when pg_column_size(n.properties) < 1000 then pg_column_size(n.properties)
                     else octet_length(n.properties::text) end as size from (
        (select o.* from godwit.events o
          where o.xid = any (array(select pg_snapshot_xip(s.last)))
            and (o.xid, o.id) > (s.pos_xid, $5::bigint)
            and pg_visible_in_snapshot(o.xid, s.target)
            and o.shard = any ($1::smallint[])
          order by o.xid, o.id limit $6::bigint)
        union all
        (select o.* from godwit.events o
          where (o.xid, o.id) > (s.from_xid, s.from_id)
            and o.xid < pg_snapshot_xmax(s.target)
            and pg_visible_in_snapshot(o.xid, s.target)
            and o.shard = any ($1::smallint[])
          order by o.xid, o.id limit $6::bigint)
    ) n order by n.xid, n.id limit $6::bigint) b) r where r.ahead < $8::bigint) e on true
