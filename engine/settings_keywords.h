/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_keywords: our own keys of an SMS channel: which words of an inbound message
 * do something, what is answered, what a segment costs. Private to engine/settings*.c.
 */
#ifndef GODWIT_ENGINE_SETTINGS_KEYWORDS_H
#define GODWIT_ENGINE_SETTINGS_KEYWORDS_H

#include "engine/settings.h"
#include "rules/form.h"

bool settings_keywords_owns(struct str key);
#define SETTINGS_KEYWORDS_LIST \
    "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1}}"
#define SETTINGS_KEYWORDS_SCHEMA                                                                \
    "\"keywords\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"         \
    "\"stop\":" SETTINGS_KEYWORDS_LIST ",\"start\":" SETTINGS_KEYWORDS_LIST                     \
    ",\"help\":" SETTINGS_KEYWORDS_LIST "}},\"replies\":{\"type\":\"object\","                  \
    "\"additionalProperties\":false,\"properties\":{\"stop\":{\"type\":\"string\"},\"start\":{" \
    "\"type\":\"string\"},\"help\":{\"type\":\"string\"}}},\"segment_cost\":{\"type\":"         \
    "\"number\",\"minimum\":0}"

/* Reads them from the channel's map; mistakes go to r. `out` knows what it carries. */
void settings_keywords_read(struct form_reader *r, const struct ynode *channel,
                            struct settings_channel *out);

#endif
