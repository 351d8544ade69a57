-- What customers' attributes look like, as survey_events. $1 customers at most
with part as materialized (
    select c.key as customer, c.attributes from godwit.customers c
     order by c.shard, c.id limit $1::bigint)
select '' as name, p.key as property,
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
       count(*), max(e.customer) as example, (select count(*) from part)
  from part e
  left join lateral jsonb_each(e.attributes) p on true
 group by 1, 2, 3
 order by 1, 2, 3
 limit 20000
