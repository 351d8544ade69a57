/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster_programs: finds PostgreSQL's server programs and runs them as another
 * user. For engine/cluster.c only.
 */
#ifndef GODWIT_ENGINE_CLUSTER_PROGRAMS_H
#define GODWIT_ENGINE_CLUSTER_PROGRAMS_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <sys/types.h>

#define CLUSTER_OLDEST 15

/* The folder with initdb and postgres of version `major`, or of the newest >= 15 when
 * major is 0: PG_BINDIR if set, otherwise pg_config and the usual places. */
bool cluster_programs_find(int major, char *bin, size_t cap, struct err *e) MUST_CHECK;

/* Runs a program to its end as uid/gid, in the folder `in`; `out` gets the last KiBs
 * of what it wrote. Returns its exit status, or -1. argv[0] is its path. */
int cluster_programs_run(uid_t uid, gid_t gid, const char *in, const char *const *argv,
                         struct buf *out);

/* Starts a program that lives on by itself, its output in the file `log` of folder
 * `in`. Returns a descriptor that reads end-of-file once it and all its children are
 * gone, or -1. */
int cluster_programs_launch(uid_t uid, gid_t gid, const char *in, const char *log,
                            const char *const *argv);

/* May this user enter the folder? */
bool cluster_programs_may_enter(uid_t uid, gid_t gid, const char *folder);

#endif
