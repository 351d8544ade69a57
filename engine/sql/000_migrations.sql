-- The schema and the record of what was applied to it. Written by engine/migrate.c.
create schema if not exists godwit;
create table if not exists godwit.schema_migrations (
    version    integer primary key,
    name       text not null,
    checksum   text not null,
    applied_at timestamptz not null default now()
);
