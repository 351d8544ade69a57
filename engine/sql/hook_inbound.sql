-- $1 channel; side by side: $2 keys, $3 senders, $4 texts, $5 keywords, $6 instants
select godwit.record_inbound($1, r.id, r.sender, r.said, r.keyword, r.at) as outcome
  from (select * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
                      with ordinality as u (id, sender, said, keyword, at, n)
         order by u.sender, u.n offset 0) as r
