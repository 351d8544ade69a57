-- What was applied to this database, oldest first.
select version, name, checksum from godwit.schema_migrations order by version
