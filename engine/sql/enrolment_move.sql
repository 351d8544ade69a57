-- Who goes on. All side by side.
update godwit.enrolments n
   set version = r.version, step = r.step, waiting = r.waiting, wake_at = r.wake_at,
       variant = r.variant, ended_at = r.ended_at, ended = r.ended, end_detail = r.end_detail,
       paused = false
  from unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::boolean[],
              $6::timestamptz[], $7::text[], $8::timestamptz[], $9::text[], $10::text[])
       as r (shard, id, version, step, waiting, wake_at, variant, ended_at, ended, end_detail)
 where n.shard = r.shard and n.id = r.id
