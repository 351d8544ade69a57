/* SPDX-License-Identifier: Apache-2.0
 *
 * supervisor: tells systemd how the process is (sd_notify's protocol: datagrams to
 * $NOTIFY_SOCKET), and keeps its watchdog quiet as long as the loop turns. Without such a
 * socket it does nothing. Never fails: a supervisor that does not listen changes nothing here.
 * Loop thread only.
 */
#ifndef GODWIT_ENGINE_SUPERVISOR_H
#define GODWIT_ENGINE_SUPERVISOR_H

#include <uv.h>

struct supervisor;

struct supervisor *supervisor_open(uv_loop_t *loop);
void supervisor_ready(struct supervisor *s); /* started, or a reload is over */
void supervisor_reloading(struct supervisor *s);
void supervisor_stopping(struct supervisor *s);
void supervisor_status(struct supervisor *s, const char *text); /* for `systemctl status` */
void supervisor_close(struct supervisor *s);

#endif
