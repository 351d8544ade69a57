/* SPDX-License-Identifier: Apache-2.0
 *
 * http_listen: "ADDRESS:PORT" into a listening socket. Looks names up (blocking): before
 * the loop runs.
 */
#ifndef GODWIT_BASE_IO_HTTP_LISTEN_H
#define GODWIT_BASE_IO_HTTP_LISTEN_H

#include "base/err.h"
#include "base/str.h"

/* *port is the one that was taken, also when 0 was asked for. */
bool http_listen(struct str where, int *fd, int *port, struct err *e) MUST_CHECK;
void http_listen_close(int fd);

#endif
