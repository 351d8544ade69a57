-- $1 engine. All at once: a stopped engine leaves nothing behind.
with freed as (
    update godwit.shards set owner = null, lease_until = null where owner = $1)
delete from godwit.engines where id = $1
