-- SPDX-License-Identifier: Apache-2.0
-- How far each import of a file has come. Moved in the transaction that brings the
-- rows, so that an import that was killed goes on exactly where it stopped.

create table godwit.imports (
    id            bigint generated always as identity primary key,
    mapping       text not null,
    file          text not null,
    started_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    finished_at   timestamptz,
    bytes         bigint not null,
    line          bigint not null,
    digest        text not null,
    rows          bigint not null default 0,
    rejected      bigint not null default 0,
    duplicates    bigint not null default 0,
    rejects_bytes bigint not null default 0
);
create index imports_mapping on godwit.imports (mapping, bytes);
comment on table godwit.imports is 'files that were imported, and how far';
comment on column godwit.imports.mapping is 'SHA-256 of what is imported as what: the same file taken otherwise is another import';
comment on column godwit.imports.digest is 'SHA-256 of the first `bytes` bytes of the file: what has been worked off';
comment on column godwit.imports.rows is 'read; of them `rejected` were refused and `duplicates` were there already';

-- attributes of several rows of one customer, later ones over earlier ones
create aggregate godwit.merge(jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');
