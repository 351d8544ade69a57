-- $1 engine  $2 whether it sleeps
update godwit.engines set asleep = $2 where id = $1 and asleep <> $2
