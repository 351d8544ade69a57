/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster: `database: embedded`, a private PostgreSQL (15 or newer) of a workspace.
 *
 * WORKSPACE/.godwit/pg is its home: data/, the Unix socket, log/. It listens on that
 * socket only; the folder's mode 0700 is what protects it. Started by root, the
 * server runs as the workspace's owner, or `postgres`, or `nobody`; when that user
 * may not enter the workspace, the home is /var/lib/godwit/HASH and .godwit/pg a link.
 *
 * Life: every process that uses the server holds a shared lock (released by the
 * kernel even after kill -9). Whoever lets go last stops the server, unless
 * `db start` has marked it to be kept, until `db stop`. Blocks; main thread, before
 * and after the loop.
 */
#ifndef GODWIT_ENGINE_CLUSTER_H
#define GODWIT_ENGINE_CLUSTER_H

#include "base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct cluster {
    char url[PATH_MAX * 3 + 100]; /* what libpq and psql take */
    /* private: */
    char dir[PATH_MAX];    /* WORKSPACE/.godwit */
    char home[PATH_MAX];   /* .godwit/pg, links resolved; "" when there is none yet */
    char socket[PATH_MAX]; /* folder of the socket; the home unless that is too long */
    char bin[PATH_MAX];    /* PostgreSQL's programs */
    uid_t uid;             /* the server's user */
    gid_t gid;
    int users; /* file descriptor of the shared lock */
};

/* Makes the cluster if there is none, starts the server if it does not run, and
 * joins its users. */
bool cluster_start(const char *workspace, struct cluster *c, struct err *e) MUST_CHECK;

/* Ends the use; stops the server if this was the last one and it is not kept. */
void cluster_release(struct cluster *c);

/* The server outlives its users until cluster_stop. */
bool cluster_keep(const struct cluster *c, struct err *e) MUST_CHECK;

/* Stops the server, whoever uses it, and forgets cluster_keep. *was_running tells. */
bool cluster_stop(const char *workspace, bool *was_running, struct err *e) MUST_CHECK;

#endif
