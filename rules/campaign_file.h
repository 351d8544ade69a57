/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign_file: from YAML to struct campaign and struct segment, with every
 * mistake reported in one go: unknown keys, wrong types, names that are declared
 * nowhere, conditions that do not compile or give no bool, each at its line and
 * column with what was expected and the nearest name.
 *
 * Pure: the text is given. Reads what else exists from struct campaign_names;
 * nothing here knows channels or templates. Everything is allocated in `a`.
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
    bool email; /* marketing mail needs the sender's postal address */
    /* Parts of a template of which at least one must be there: "text", "html"; NULL-ended. */
    const char *const *parts;
    const char *required; /* a part that must be there, or NULL: "subject" */
};

/* A template, as far as a campaign can be checked against it. */
struct campaign_template {
    struct str name;
    const struct str *parts; /* "subject", "text", "body.json"; without locale */
    size_t n_parts;
};

/* The names that a campaign may use. NULL lists are empty ones. */
struct campaign_names {
    const struct campaign_channel *channels;
    size_t n_channels;
    const struct str *topics;
    size_t n_topics;
    const struct campaign_template *templates;
    size_t n_templates;
    bool postal_address;     /* the sender has one */
    const struct zone *zone; /* of dates written without one */
};

/* Reads segments.yaml. False when there is no usable list; mistakes are in d. */
bool campaign_file_segments(struct arena *a, const struct yamlfile *file,
                            const struct catalog *catalog, const struct segment **out, size_t *n,
                            struct diags *d) MUST_CHECK;

/* Reads one file of campaigns/, against the catalog and segments of `set`. False when it has
 * mistakes; *out is filled as far as possible all the same. */
bool campaign_file_read(struct arena *a, const struct yamlfile *file,
                        const struct campaign_set *set, const struct campaign_names *names,
                        struct campaign *out, struct diags *d) MUST_CHECK;

/* The key tables behind, for JSON Schema and the reference docs. */
extern const struct form campaign_file_form;
extern const struct form campaign_file_segments_form;

#endif
