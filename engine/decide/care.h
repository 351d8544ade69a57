/* SPDX-License-Identifier: Apache-2.0
 *
 * care: how a customer is spared: caps on all messages together, quiet hours, send windows.
 * All in the customer's zone. Private to engine/decide. Pure.
 *
 * Transactional messages are held by a cap only if it says so, and never by quiet hours; a
 * campaign's own send window holds all that it sends.
 */
#ifndef GODWIT_ENGINE_DECIDE_CARE_H
#define GODWIT_ENGINE_DECIDE_CARE_H

#include "engine/decide/gates.h"

/* When the message may leave: when it is due, or when quiet hours end and the window opens next. */
int64_t care_when(const struct entry *x);

/* The first cap that leaves no room for the message; NULL: there is room, if the *n messages in
 * *displaced go: still pending, and of lower priority. *used: how many it holds against it. */
const struct settings_cap *care_full(const struct entry *x, struct profile_message ***displaced,
                                     size_t *n, int64_t *used);

#endif
