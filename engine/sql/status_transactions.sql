-- The oldest transactions of the cluster that keep dead rows from being cleaned up. Events flow past
-- them; their own come when they commit.
select a.pid::bigint, coalesce(a.datname, ''), coalesce(nullif(a.application_name, ''), a.backend_type),
       coalesce(a.state, ''), extract(epoch from now() - a.xact_start)::double precision
  from pg_stat_activity a
 where a.xact_start < now() - interval '10 seconds' and a.pid <> pg_backend_pid()
   and (a.backend_xid is not null or a.backend_xmin is not null)
 order by a.xact_start
 limit 3
