-- Entries and exits as events. Side by side: $1 customers' keys  $2 segments  $3 entered;
-- $4 when
insert into godwit.events (customer, name, properties, occurred_at)
select n.key, case when n.entered then 'segment.entered' else 'segment.left' end,
       jsonb_build_object('segment', n.segment), $4::timestamptz
  from unnest($1::text[], $2::text[], $3::boolean[]) as n (key, segment, entered)
