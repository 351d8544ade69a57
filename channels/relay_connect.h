/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_connect: what libesmtp lacks around connect().
 *
 * libesmtp connects without a timeout, never sets TCP_NODELAY (44 ms a message over
 * 2 KiB), and does not show its socket. This module defines connect() for the whole
 * program: on a thread that has entered, a TCP connect has a timeout, sets NODELAY, and
 * leaves a duplicate of the descriptor with which the connection can be cut from any
 * thread. On all other threads it is the system's connect(). When the linker did not
 * bind libesmtp to it, relay_connect_nodelay() still finds the socket.
 */
#ifndef GODWIT_CHANNELS_RELAY_CONNECT_H
#define GODWIT_CHANNELS_RELAY_CONNECT_H

#include <stdbool.h>
#include <uv.h>

struct relay_socket {
    uv_mutex_t mutex;
    int fd;   /* a duplicate of the connected socket, or -1 */
    bool cut; /* no connect succeeds any more */
};

void relay_connect_init(struct relay_socket *s);
void relay_connect_close(struct relay_socket *s);

/* Between the two, TCP connects of the calling thread are those of `s`. */
void relay_connect_enter(struct relay_socket *s, int timeout_ms);
void relay_connect_leave(void);

/* From the connected thread, right after connecting. */
void relay_connect_nodelay(struct relay_socket *s);

/* Ends the present connection. From any thread; `for_good`: and all later ones. */
void relay_connect_cut(struct relay_socket *s, bool for_good);

#endif
