/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_file: from YAML to struct campaign, with every mistake reported in one
 * go: unknown keys, wrong types, names that are declared nowhere, conditions that
 * do not compile or give no bool, each at its line and column with what was
 * expected and the nearest name.
 *
 * Pure: the text is given. What else exists is in struct campaign_names; nothing
 * here knows channels or templates. Everything is allocated in `a`.
 */
#ifndef GODWIT_RULES_CAMPAIGN_FILE_H
#define GODWIT_RULES_CAMPAIGN_FILE_H

#include "base/yamlfile.h"
#include "rules/campaign.h"
#include "rules/campaign_set.h"

struct form;
struct zone;

/* A channel, as far as a campaign can be checked against it. */
struct campaign_channel {
    struct str name;
    /* Parts of a template: the first list must all be there, of the second at least one.
     * NULL-ended. */
    const char *const *all_of;
    const char *const *one_of;
};

/* A template, as far as a campaign can be checked against it. */
struct campaign_template {
    struct str name;
    const struct str *parts; /* "subject", "text", "body.json"; without locale */
    size_t n_parts;
};

/* The names that a campaign may use. */
struct campaign_names {
    const struct campaign_channel *channels;
    size_t n_channels;
    const struct str *topics;
    size_t n_topics;
    const struct campaign_template *templates;
    size_t n_templates;
    const struct zone *zone; /* of dates written without one */
};

/* Reads one file of campaigns/, against the catalog and segments of `set`. Mistakes go to d; *out
 * is filled as far as possible. */
void campaign_file_read(struct arena *a, const struct yamlfile *file,
                        const struct campaign_set *set, const struct campaign_names *names,
                        struct campaign *out, struct diags *d);

extern const struct form campaign_file_form; /* for JSON Schema and the reference docs */

#endif
