-- SPDX-License-Identifier: Apache-2.0
-- After dump and restore into another cluster, where transactions are numbered anew, the
-- cursor and the transaction ids kept with the events mean nothing. This gives them a meaning
-- again: what was decided counts as old, what was not comes next. No engine may run meanwhile.
create function godwit.rebase(out decided bigint, out undecided bigint)
    language plpgsql as $$
declare
    fresh pg_snapshot;
    loaded integer; -- how old the trigger is that a restore makes behind the rows
begin
    if exists (select from godwit.engines e
                where e.heartbeat_at > now() - interval '15 seconds'
                  and exists (select from pg_locks l where l.locktype = 'advisory'
                                 and l.classid = 7301 and l.objid = e.id::integer::oid)) then
        raise exception 'an engine is running on this database' using errcode = 'object_in_use';
    end if;
    lock table godwit.events, godwit.shards in exclusive mode;
    -- taken before this transaction has a number of its own: all it marks is after it
    fresh := pg_current_snapshot();
    -- What producers wrote in this cluster already carries this cluster's numbers, which say
    -- nothing beside the cursor of the old one: it is what is younger than the trigger.
    select age(t.xmin) into loaded
      from pg_trigger t
     where t.tgrelid = 'godwit.events'::regclass and t.tgname = 'wake'
       and exists (select from godwit.settings s where s.key = 'system_identifier'
                      and s.value <> (select system_identifier::text from pg_control_system()));
    create temp table rebase_open on commit drop as
        select e.shard, e.id
          from godwit.events e
          join godwit.shards s on s.shard = e.shard
         where age(e.xmin) < loaded
            or not pg_visible_in_snapshot(e.xid, s.last)
           and not (s.target is not null and pg_visible_in_snapshot(e.xid, s.target)
                    and (e.xid, e.id) <= (coalesce(s.pos_xid, '0'), coalesce(s.pos_id, 0)));
    get diagnostics undecided = row_count;
    update godwit.events e set xid = '2'
     where not exists (select from rebase_open o where o.shard = e.shard and o.id = e.id)
       and e.xid <> '2';
    select count(*) - undecided into decided from godwit.events;
    update godwit.events e set xid = pg_current_xact_id()
      from rebase_open o where e.shard = o.shard and e.id = o.id;
    update godwit.shards
       set last = (pg_snapshot_xmin(fresh)::text || ':' || pg_snapshot_xmin(fresh)::text || ':')::pg_snapshot,
           target = null, pos_xid = null, pos_id = null, owner = null, lease_until = null;
    insert into godwit.settings
    select 'system_identifier', system_identifier::text from pg_control_system()
    on conflict (key) do update set value = excluded.value;
end $$;
revoke all on function godwit.rebase() from public;
