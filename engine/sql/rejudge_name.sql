-- Messages whose hits are to be judged again, all together; in the order of their key, so that two
-- statements cannot deadlock. Side by side: $1 shards, $2 messages
insert into godwit.rejudge as r (shard, message_id)
select distinct * from unnest($1::smallint[], $2::bigint[]) order by 1, 2
on conflict (shard, message_id) do update set at = excluded.at
