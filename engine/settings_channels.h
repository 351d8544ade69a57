/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_channels: `channels` of godwit.yaml: our own keys of each, and those of its driver
 * by the driver's table. Private to engine/settings*.c.
 */
#ifndef GODWIT_ENGINE_SETTINGS_CHANNELS_H
#define GODWIT_ENGINE_SETTINGS_CHANNELS_H

#include "engine/settings.h"
#include "engine/settings_keywords.h"
#include "engine/settings_pace.h"
#include "rules/form.h"

/* A read function; into a struct settings. */
void settings_channels_read(struct form_reader *r, const struct ynode *node, void *out);

/* Warns of a secret that stands in the file itself; `what`: "a write key". */
void settings_warn_of_literal(struct form_reader *r, const struct ynode *node, const char *what);

#define SETTINGS_CHANNELS_SCHEMA                                                            \
    "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"required\":"      \
    "[\"driver\"],\"properties\":{\"driver\":{\"type\":\"string\"},\"in_doubt\":{\"enum\":" \
    "[\"resend\",\"hold\"]},\"kind\":{\"enum\":[\"email\",\"sms\",\"webhook\"]}"            \
    "," SETTINGS_PACE_SCHEMA "," SETTINGS_KEYWORDS_SCHEMA "}}}"

#endif
