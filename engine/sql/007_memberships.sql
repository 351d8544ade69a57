-- SPDX-License-Identifier: Apache-2.0
-- Who is in the segments that are tracked, as of now, and the timers by which the engine knows
-- when to look again: at once when something happened to a customer, otherwise when the clock
-- alone can change the answer.

create table godwit.tracked_segments (
    segment    text primary key,
    definition text not null,
    generation bigint not null,
    since      timestamptz not null default now()
);
comment on table godwit.tracked_segments is 'segments with tracked: true, as they are defined now';
comment on column godwit.tracked_segments.generation is 'raised when the definition changes: who enters or leaves by that alone makes no event';
create sequence godwit.segment_generation;

create table godwit.memberships (
    shard       smallint not null,
    customer_id bigint not null,
    segment     text not null,
    since       timestamptz not null,
    primary key (shard, customer_id, segment)
);
create index memberships_segment on godwit.memberships (segment, shard, customer_id);

create sequence godwit.timer_touch;
create table godwit.timers (
    shard       smallint not null,
    customer_id bigint not null,
    what        text not null,
    due_at      timestamptz not null,
    touched     bigint not null default nextval('godwit.timer_touch'),
    generation  bigint not null default 0,
    primary key (shard, customer_id, what)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
comment on table godwit.timers is 'when the engine looks at a customer again; `infinity`: only when something happens';
comment on column godwit.timers.touched is 'changes when something happens: a timer that was touched while it was worked off stays due';
comment on column godwit.timers.generation is 'of the newest definition of a segment that the customer was held against';
create index timers_due on godwit.timers (due_at) where due_at < 'infinity';

-- Something happened to these customers: look at them now. Ordered, so that two writers cannot
-- deadlock.
create function godwit.touch(shards smallint[], customers bigint[]) returns void
    language sql security definer set search_path = pg_catalog, pg_temp as $$
    insert into godwit.timers as t (shard, customer_id, what, due_at, generation)
    select distinct n.shard, n.id, 'segments', now(),
           (select max(generation) from godwit.tracked_segments)
      from unnest($1, $2) as n (shard, id)
     where exists (select from godwit.tracked_segments)
     order by 1, 2
    on conflict (shard, customer_id, what) do update
        set due_at = least(t.due_at, excluded.due_at), touched = excluded.touched
$$;

create function godwit.touch_new() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from godwit.tracked_segments) then
        perform godwit.touch(array_agg(n.shard), array_agg(n.id)) from new_rows n;
    end if;
    return null;
end $$;
create function godwit.touch_changed() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from godwit.tracked_segments) then
        perform godwit.touch(array_agg(n.shard), array_agg(n.id))
           from new_rows n
           join old_rows o on o.shard = n.shard and o.id = n.id
          where (n.email, n.phone, n.locale, n.timezone, n.attributes)
                is distinct from (o.email, o.phone, o.locale, o.timezone, o.attributes);
    end if;
    return null;
end $$;
create trigger touch_new after insert on godwit.customers
    referencing new table as new_rows for each statement execute function godwit.touch_new();
create trigger touch_changed after update on godwit.customers
    referencing old table as old_rows new table as new_rows
    for each statement execute function godwit.touch_changed();

create function godwit.touch_buyers() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if exists (select from godwit.tracked_segments) then
        perform godwit.touch(array_agg(x.shard), array_agg(x.customer_id)) from buyers x;
    end if;
    return null;
end $$;
create trigger touch_new after insert on godwit.rfm
    referencing new table as buyers for each statement execute function godwit.touch_buyers();
create trigger touch_changed after update on godwit.rfm
    referencing new table as buyers for each statement execute function godwit.touch_buyers();
create trigger touch_gone after delete on godwit.rfm
    referencing old table as buyers for each statement execute function godwit.touch_buyers();

-- Takes note of what is tracked. When a definition is new or has changed everybody is looked
-- at once. Side by side: names, definitions.
create function godwit.track_segments(names text[], definitions text[]) returns void
    language plpgsql as $$
declare
    changed bigint;
begin
    lock table godwit.tracked_segments in share row exclusive mode;
    delete from godwit.memberships m using godwit.tracked_segments t
     where t.segment = m.segment and t.segment <> all ($1);
    delete from godwit.tracked_segments t where t.segment <> all ($1);
    insert into godwit.tracked_segments as t (segment, definition, generation)
    select n.segment, n.definition, nextval('godwit.segment_generation')
      from unnest($1, $2) as n (segment, definition)
     where not exists (select from godwit.tracked_segments s
                        where s.segment = n.segment and s.definition = n.definition)
    on conflict (segment) do update
        set definition = excluded.definition, generation = excluded.generation, since = now();
    get diagnostics changed = row_count;
    if changed > 0 then
        insert into godwit.timers (shard, customer_id, what, due_at)
        select c.shard, c.id, 'segments', now() from godwit.customers c order by 1, 2
        on conflict (shard, customer_id, what) do update
            set due_at = excluded.due_at, touched = excluded.touched;
    end if;
end $$;

-- Raises when one of the shards has gone to another engine; until this transaction ends they stay.
create function godwit.hold_shards(engine bigint, shards smallint[], fences bigint[]) returns void
    language plpgsql as $$
begin
    perform 1 from godwit.shards s
       join unnest(shards, fences) as mine (shard, fence) on s.shard = mine.shard
      where s.fence = mine.fence and s.owner = engine
        for share of s;
    if (select count(*) from godwit.shards s
          join unnest(shards, fences) as mine (shard, fence) on s.shard = mine.shard
         where s.fence = mine.fence and s.owner = engine) <> cardinality(shards) then
        raise exception 'a shard has been taken over by another engine' using errcode = 'GW001';
    end if;
end $$;

create view godwit.report_segments as
select m.segment, c.key as customer, m.since
  from godwit.memberships m
  join godwit.customers c on c.shard = m.shard and c.id = m.customer_id;
comment on view godwit.report_segments is 'who is in the tracked segments, and since when';

-- Once a day, and at once when a purchase is declared otherwise.
create function godwit.refresh_rfm_if_old(purchase text, value text[]) returns boolean
    language plpgsql as $$
declare
    declared text := jsonb_build_array($1, $2)::text;
    finished boolean;
begin
    if exists (select from godwit.settings s
                where s.key = 'rfm' and s.value::jsonb ->> 'of' = declared
                  and (s.value::jsonb ->> 'at')::timestamptz > now() - interval '1 day') then
        return false;
    end if;
    select r.done into finished from godwit.refresh_rfm($1, $2) r;
    if finished then
        insert into godwit.settings as s (key, value)
        values ('rfm', jsonb_build_object('of', declared, 'at', now())::text)
        on conflict (key) do update set value = excluded.value;
    end if;
    return finished;
end $$;
