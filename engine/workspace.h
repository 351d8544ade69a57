/* SPDX-License-Identifier: Apache-2.0
 *
 * workspace: the whole folder that marketers keep in git, loaded in one go:
 * godwit.yaml, catalog.yaml, segments.yaml, campaigns/, and which templates exist.
 *
 * One arena; immutable. A reload makes a new workspace beside the old one, which
 * lives until the last batch that uses it lets go: workspace_hold() when a batch
 * starts, workspace_release() when it ends. Loop thread only.
 */
#ifndef GODWIT_ENGINE_WORKSPACE_H
#define GODWIT_ENGINE_WORKSPACE_H

#include "base/diag.h"
#include "engine/decide/behaviour_pack.h"
#include "engine/settings.h"
#include "rules/campaign_file.h"
#include "rules/campaign_set.h"
#include "templates/template_set.h"

/* A campaign's file as it was. */
struct workspace_version {
    struct str campaign; /* its id */
    struct str version;
    struct str source;
};

struct workspace {
    struct arena *arena;
    int holders;
    struct str folder; /* as given */
    struct settings settings;
    struct campaign_set rules;
    const struct behaviour_layout *layouts; /* what rules look back on, by the event's name */
    size_t n_layouts;
    const struct template_set *template_set;
    const struct workspace_version *unreadable; /* earlier versions that cannot be used any more */
    size_t n_unreadable;
    const struct campaign_template *templates; /* the same as campaigns are checked against them */
    size_t n_templates;
};

/* Loads the folder. All mistakes and warnings go to d, whose arena is the caller's (they outlive
 * the workspace), sorted. NULL when there are errors. The caller holds what is returned. */
struct workspace *workspace_load(struct str folder, struct diags *d) MUST_CHECK;

/* The same with godwit.yaml alone: no campaigns, segments and templates are in it. */
struct workspace *workspace_load_settings(struct str folder, struct diags *d) MUST_CHECK;

/* Adds the earlier versions that people are inside of; those that are there are passed over, and
 * those that cannot be read against what is there now are remembered as unreadable. Before the
 * workspace is used; once. */
void workspace_add_earlier(struct workspace *w, const struct workspace_version *list, size_t n);
bool workspace_is_unreadable(const struct workspace *w, struct str campaign, struct str version);

struct workspace *workspace_hold(struct workspace *w);
void workspace_release(struct workspace *w); /* NULL is fine */

const struct campaign_template *workspace_template(const struct workspace *w, struct str name);

/* "3 campaigns, 2 segments, 5 templates" */
struct str workspace_summary(struct arena *a, const struct workspace *w);

#endif
