-- $1 host  $2 pid. The session lock tells others that this engine lives.
with me as (insert into godwit.engines (host, pid) values ($1, $2) returning id)
select id, pg_try_advisory_lock(7301, id::integer) from me
