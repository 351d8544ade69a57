/* SPDX-License-Identifier: Apache-2.0
 *
 * migrate: brings the schema `godwit` of a database to what this program knows.
 *
 * engine/sql/NNN_name.sql are applied in the order of their numbers, each in one
 * transaction together with its line in godwit.schema_migrations. An advisory lock is
 * held meanwhile: of two processes at once one does the work and the other finds
 * it done. A file must never change once released (comments may): add another one.
 * Statements that cannot run in a transaction (create index concurrently) are not
 * possible here.
 */
#ifndef GODWIT_ENGINE_MIGRATE_H
#define GODWIT_ENGINE_MIGRATE_H

#include "base/err.h"

#include <stddef.h>

struct dbsync;
struct sql_migration;

/* What migrate_run did, for messages. */
struct migrate_report {
    int applied; /* files, now */
    int version; /* the newest, now in the database */
};

/* Refuses a server that is too old or read-only, a database that is newer than the
 * program, and one whose applied files differ from the program's. */
bool migrate_run(const char *conninfo, struct err *e) MUST_CHECK;
bool migrate_report(const char *conninfo, struct migrate_report *report, struct err *e) MUST_CHECK;

/* The same with a session and a list of files (n >= 1, ascending). */
bool migrate_list(struct dbsync *s, const struct sql_migration *list, size_t n,
                  struct migrate_report *report, struct err *e) MUST_CHECK;

#endif
