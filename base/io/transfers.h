/* SPDX-License-Identifier: Apache-2.0
 *
 * transfers: libcurl's multi interface in a loop: sockets, timer, TLS sessions that are kept.
 *
 * Whoever uses it makes easy handles, embeds a `struct transfer`, and is called back when one
 * has ended. http_client and mail_link are built on it. Loop thread only.
 */
#ifndef GODWIT_BASE_IO_TRANSFERS_H
#define GODWIT_BASE_IO_TRANSFERS_H

#include <curl/curl.h>
#include <stddef.h>
#include <uv.h>

struct transfers;

struct transfer {
    /* From the loop, never from inside transfers_add(). The handle is still in the multi. */
    void (*done)(struct transfer *x, CURLcode code);
};

/* `connections`: at most, to all hosts together, and so many are kept. */
struct transfers *transfers_new(uv_loop_t *loop, size_t connections);

/* Starts it. Sets what all have in common: no signals, no proxy of the environment, the shared
 * TLS sessions. */
void transfers_add(struct transfers *t, CURL *easy, struct transfer *x);
/* Takes it out, under way or ended; the handle is the caller's to clean up. */
void transfers_remove(struct transfers *t, CURL *easy);

/* When all were removed; frees. `closed` is called from the loop. */
void transfers_close(struct transfers *t, void (*closed)(void *ctx), void *ctx);

#endif
