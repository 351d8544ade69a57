/* SPDX-License-Identifier: Apache-2.0
 *
 * registry: writes down what decisions and messages are made with, before any is
 * made: the exact file of each campaign version, the sources of each template by
 * hash; and what is to be followed: tracked segments, responses that are events. Blocking; before
 * the loop starts and at a reload.
 */
#ifndef GODWIT_ENGINE_REGISTRY_H
#define GODWIT_ENGINE_REGISTRY_H

#include "base/err.h"
#include "base/keyring.h"
#include "engine/workspace.h"

struct db_result;

/* Behind registry_earlier. Also what the database is to tell of customers, and the timers of
 * campaigns that it has not seen. */
bool registry_record(const char *conninfo, const struct workspace *w, struct err *e) MUST_CHECK;

/* The installation's secret, which keys hashes; lives in `a`. */
bool registry_secret(const char *conninfo, struct arena *a, struct str *out,
                     struct err *e) MUST_CHECK;

/* The keys of tokens. */
bool registry_keys(const char *conninfo, struct keyring *out, struct err *e) MUST_CHECK;
/* The rows of sql_token_keys. */
bool registry_read_keys(const struct db_result *r, struct keyring *out, struct err *e) MUST_CHECK;

#endif
