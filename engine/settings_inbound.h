/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_inbound: the keys of godwit.yaml that say where mail comes in and what
 * follows from bounces: sender.bounces, inbound, bounces. Private to engine/settings.c.
 */
#ifndef GODWIT_ENGINE_SETTINGS_INBOUND_H
#define GODWIT_ENGINE_SETTINGS_INBOUND_H

#include "engine/settings.h"
#include "rules/form.h"

extern const struct form settings_source_form; /* one of `inbound` */
extern const struct form settings_bounces_form;

#define SETTINGS_BOUNCES_STANDARD                                        \
    ((struct settings_bounces){.soft_most = 5,                           \
                               .soft_over_us = INT64_C(7) * 86400000000, \
                               .pause_us = INT64_C(3600) * 1000000})

void settings_inbound_read(struct form_reader *r, const struct ynode *node, void *settings);
/* The address that bounces go to: with room for a token behind a +. */
void settings_inbound_address(struct form_reader *r, const struct ynode *node, void *out);

#endif
