-- Before anything else: what kind of server, and was godwit here before?
select current_setting('server_version_num')::int,
       to_regclass('godwit.schema_migrations') is not null,
       pg_is_in_recovery()
