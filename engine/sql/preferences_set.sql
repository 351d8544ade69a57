-- $1 shard  $2 message  $3 source  $4 topics, none: its own  $5 wanted  $6 defaults
select godwit.set_preferences($1, $2, $3, $4, $5, $6)
