/* SPDX-License-Identifier: Apache-2.0
 *
 * cluster_server: makes the folder and the data of a cluster, starts and stops its
 * server. For engine/cluster.c only, which holds the lock meanwhile.
 */
#ifndef GODWIT_ENGINE_CLUSTER_SERVER_H
#define GODWIT_ENGINE_CLUSTER_SERVER_H

#include "engine/cluster.h"

/* A server that runs and takes connections, whatever was there before. */
bool cluster_server_ensure(struct cluster *c, struct err *e) MUST_CHECK;
bool cluster_server_stop(struct cluster *c, struct err *e) MUST_CHECK;
bool cluster_server_runs(const struct cluster *c);

/* In engine/cluster.c: sets c->socket and c->url. */
bool cluster_choose_socket(struct cluster *c, struct err *e) MUST_CHECK;

#endif
