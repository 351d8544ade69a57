/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_pace: the keys of a channel that say how fast it goes and how it tries
 * again: rate, domains, warmup, retry, in_flight. Private to engine/settings.c.
 */
#ifndef GODWIT_ENGINE_SETTINGS_PACE_H
#define GODWIT_ENGINE_SETTINGS_PACE_H

#include "engine/settings.h"
#include "rules/form.h"

/* The names of the keys, and their JSON Schema as members of an object. */
bool settings_pace_owns(struct str key);
#define SETTINGS_PACE_SCHEMA                                                            \
    "\"rate\":{\"type\":\"string\"},\"domains\":{\"type\":\"object\","                  \
    "\"additionalProperties\":{\"type\":\"string\"}},\"warmup\":{\"type\":\"string\"}," \
    "\"retry\":{\"type\":\"string\"},"                                                  \
    "\"in_flight\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1024}"

/* Reads them from the channel's map; mistakes go to r. */
void settings_pace_read(struct form_reader *r, const struct ynode *channel,
                        struct settings_channel *out);

/* "200/day growing 1.5x"; without growing: 1. */
bool settings_pace_warmup(struct str text, struct settings_warmup *out, struct err *e) MUST_CHECK;

#endif
