/* SPDX-License-Identifier: Apache-2.0
 *
 * settings_care: how customers are spared, for all campaigns: `quiet_hours` and `caps` of
 * godwit.yaml. Private to engine/settings.c.
 */
#ifndef GODWIT_ENGINE_SETTINGS_CARE_H
#define GODWIT_ENGINE_SETTINGS_CARE_H

#include "engine/settings.h"
#include "rules/form.h"

/* Read functions; both into a struct settings. */
void settings_care_quiet_hours(struct form_reader *r, const struct ynode *node, void *out);
void settings_care_caps(struct form_reader *r, const struct ynode *node, void *out);
/* Complains about channels and topics that the settings do not have, once all of them are read. */
void settings_care_check(struct form_reader *r, const struct settings *s);

extern const struct form settings_care_quiet_form;
extern const struct form settings_care_cap_form;

#endif
