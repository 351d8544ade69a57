-- Verdicts that changed, and the messages that were judged, unless they were named again meanwhile.
-- Side by side: $1 shards, $2 responses, $3 why a machine's or null; $4 the rule's version;
-- side by side: $5 shards, $6 messages, $7 when they were named
with judged as (
    update godwit.responses r
       set human = j.machine is null,
           details = (r.details - 'machine') || jsonb_build_object('verdict', $4::bigint)
                     || case when j.machine is null then '{}' else jsonb_build_object('machine', j.machine) end
      from unnest($1::smallint[], $2::bigint[], $3::text[]) as j (shard, id, machine)
     where r.shard = j.shard and r.id = j.id
    returning 1),
done as (
    delete from godwit.rejudge g
     using unnest($5::smallint[], $6::bigint[], $7::timestamptz[]) as d (shard, message, at)
     where g.shard = d.shard and g.message_id = d.message and g.at = d.at)
select count(*) from judged
