-- What the latest events look like: for each name and property how often a kind of value
-- occurs, and the newest event with it. $1 events at most
with latest as materialized (
    select v.name, v.id, v.properties from godwit.events v order by v.xid desc, v.id desc limit $1::bigint)
select e.name, p.key as property,
       case jsonb_typeof(p.value)
           when 'number' then
               case when (p.value #>> '{}') ~ '^-?[0-9]{1,18}$' then 'int'
                    when (p.value #>> '{}')::numeric % 1 = 0
                         and abs((p.value #>> '{}')::numeric) < 9223372036854775807 then 'whole'
                    else 'double' end
           when 'string' then
               case when (p.value #>> '{}') ~ ('^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]'
                         '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?'
                         '([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$') then 'timestamp'
                    else 'string' end
           when 'boolean' then 'bool'
           when 'array' then 'list'
           when 'object' then 'map'
           when 'null' then 'null'
           else 'none' end as kind,
       count(*), max(e.id)::text as example, (select count(*) from latest)
  from latest e
  left join lateral jsonb_each(e.properties) p on true
 group by 1, 2, 3
 order by 1, 2, 3
 limit 20000
