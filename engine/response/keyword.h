/* SPDX-License-Identifier: Apache-2.0
 *
 * keyword: whether an inbound SMS as a whole is a word that does something: STOP, START,
 * HELP, what is usual for them, the same in Chinese, and the channel's own. Pure.
 */
#ifndef GODWIT_ENGINE_RESPONSE_KEYWORD_H
#define GODWIT_ENGINE_RESPONSE_KEYWORD_H

#include "engine/settings.h"

/* A meaning of enum settings_keyword, or -1. Case, white space, punctuation around and between, and
 * the width of letters do not matter: "Stop all!" is STOPALL. The channel's own words come first.
 */
int keyword_of(const struct settings_channel *c, struct str text);

#endif
