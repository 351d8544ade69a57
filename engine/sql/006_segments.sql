-- SPDX-License-Identifier: Apache-2.0
-- Where a buyer stands among all buyers, for `rfm` in conditions. Made anew by refresh_rfm(),
-- which the engine calls once a day and `godwit segment refresh` at once.

create table godwit.rfm (
    shard       smallint not null,
    customer_id bigint not null,
    r           smallint not null,
    f           smallint not null,
    m           smallint not null,
    purchases   bigint not null,
    revenue     double precision not null,
    top         double precision not null,
    last_at     timestamptz not null,
    primary key (shard, customer_id)
) with (fillfactor = 80);
comment on table godwit.rfm is 'one row a buyer: quintiles of recency, frequency and revenue (5 is best), as godwit.report_rfm';
comment on column godwit.rfm.top is 'the share of buyers whose revenue is at least this one''s: <= 0.2 is the top 20 %';

-- Only rows that change are written. False: somebody else is at it.
create function godwit.refresh_rfm(purchase text, value text[], out done boolean,
                                   out buyers bigint, out changed bigint)
    language plpgsql as $$
begin
    done := pg_try_advisory_xact_lock(7304, 0);
    if not done then
        return;
    end if;
    with sums as (
        select e.shard, e.customer, max(e.occurred_at) as last_at, count(*) as purchases,
               sum(case when jsonb_typeof(e.properties #> $2) = 'number'
                        then (e.properties #>> $2)::numeric end) as revenue
          from godwit.events e
         where e.name = $1 and e.occurred_at <= now()
         group by 1, 2),
    ranked as materialized (
        select c.shard, c.id as customer_id,
               ntile(5) over (order by s.last_at, s.customer) as r,
               ntile(5) over (order by s.purchases, s.customer) as f,
               ntile(5) over (order by s.revenue nulls first, s.customer) as m,
               s.purchases, s.last_at,
               -- what a double cannot hold is cut, not an error
               round(least(greatest(coalesce(s.revenue, 0), -1e300), 1e300), 6)::float8 as revenue,
               cume_dist() over (order by coalesce(s.revenue, 0) desc) as top
          from sums s
          join godwit.customers c on c.shard = s.shard and c.key = s.customer),
    gone as (
        delete from godwit.rfm o
         where not exists (select from ranked n
                            where n.shard = o.shard and n.customer_id = o.customer_id)
        returning 1),
    put as (
        insert into godwit.rfm as o (shard, customer_id, r, f, m, purchases, revenue, top, last_at)
        select n.shard, n.customer_id, n.r, n.f, n.m, n.purchases, n.revenue, n.top, n.last_at
          from ranked n
        on conflict (shard, customer_id) do update
            set r = excluded.r, f = excluded.f, m = excluded.m, purchases = excluded.purchases,
                revenue = excluded.revenue, top = excluded.top, last_at = excluded.last_at
            where (o.r, o.f, o.m, o.purchases, o.revenue, o.top, o.last_at)
                  is distinct from
                  (excluded.r, excluded.f, excluded.m, excluded.purchases, excluded.revenue,
                   excluded.top, excluded.last_at)
        returning 1)
    select (select count(*) from ranked), (select count(*) from gone) + (select count(*) from put)
      into buyers, changed;
end $$;
