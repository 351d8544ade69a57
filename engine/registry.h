/* SPDX-License-Identifier: Apache-2.0
 *
 * registry: writes down what decisions and messages are made with, before any is
 * made: the exact file of each campaign version, the sources of each template by
 * hash. Blocking; before the loop starts and at a reload.
 */
#ifndef GODWIT_ENGINE_REGISTRY_H
#define GODWIT_ENGINE_REGISTRY_H

#include "base/err.h"
#include "engine/workspace.h"

/* Adds to a workspace that is new the earlier versions of campaigns that people are inside of.
 * `before`: the one in force up to now; NULL: there is none. */
bool registry_earlier(const char *conninfo, struct workspace *w, const struct workspace *before,
                      struct err *e) MUST_CHECK;

/* Behind registry_earlier. Also what the database is to tell of customers, and the timers of
 * campaigns that it has not seen. */
bool registry_record(const char *conninfo, const struct workspace *w, struct err *e) MUST_CHECK;

/* The installation's secret, which keys hashes; lives in `a`. */
bool registry_secret(const char *conninfo, struct arena *a, struct str *out,
                     struct err *e) MUST_CHECK;

#endif
