-- Behind the file itself, in its transaction.
insert into godwit.schema_migrations (version, name, checksum) values ($1, $2, $3)
