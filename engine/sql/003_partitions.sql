-- SPDX-License-Identifier: Apache-2.0
-- Events by the month in which they were recorded, so that old ones can be dropped whole.

-- Makes the partitions of this month and the next two. An event that comes before its
-- partition is there goes to events_default; such a month then stays in it. Never waits for
-- long: it would make producers queue behind it.
create function godwit.add_partitions() returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    from_day date;
    name text;
begin
    perform set_config('lock_timeout', '200ms', true);
    for i in 0..2 loop
        from_day := (date_trunc('month', now() at time zone 'UTC') + make_interval(months => i))::date;
        name := 'events_' || to_char(from_day, 'YYYY_MM');
        if to_regclass('godwit.' || name) is null then
            begin
                execute format(
                    'create table godwit.%I partition of godwit.events for values from (%L) to (%L)',
                    name, from_day::timestamp at time zone 'UTC',
                    (from_day + interval '1 month') at time zone 'UTC');
            exception
                when lock_not_available or check_violation then
                    null; -- the default partition serves; the next try is tomorrow
            end;
        end if;
    end loop;
end $$;
revoke all on function godwit.add_partitions() from public;
select godwit.add_partitions();

-- What a day's work leaves to be tidied up: partitions ahead, and marks of duplicates that are
-- past their time.
create function godwit.housekeeping() returns void
    language plpgsql as $$
begin
    perform godwit.add_partitions();
    delete from godwit.event_dedupe where (shard, customer, dedupe) in (
        select shard, customer, dedupe from godwit.event_dedupe
         where at < now() - interval '7 days' order by at limit 10000);
end $$;
