-- $1 keys. In order, so that two engines cannot deadlock.
insert into godwit.customers (shard, key)
select godwit.shard_of(k.key), k.key from unnest($1::text[]) as k (key) order by 1, 2
on conflict (shard, key) do nothing
