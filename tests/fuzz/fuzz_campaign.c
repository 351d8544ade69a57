/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a campaign, a catalog and a list of segments: a struct that can be
 * used, or at least one diagnostic, whose place lies in the file.
 */
#include "config.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "rules/campaign_file.h"
#include "rules/campaign_loops.h"
#include "rules/campaign_review.h"
#include "rules/cel.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const subject[] = {"subject", NULL};
static const char *const body[] = {"text", "html", NULL};
static const struct campaign_channel channels[] = {{S("email"), subject, body}};
static const struct str topics[] = {S("news"), S("offers")};
static const struct str parts[] = {S("subject"), S("text")};
static const struct campaign_template templates[] = {{S("welcome"), parts, 2}};

static const char known[] = "attributes: { country: string, age: int }\n"
                            "events: { order.placed: { properties: { amount: double } }, x: }\n";
static const char groups[] = "tw: { where: 'customer.country == \"TW\"', tracked: true }\n"
                             "buyers: count(\"x\", \"all\") > 1\n";

static bool parse(struct arena *a, struct str text, struct yamlfile *f, struct diags *d) {
    return yamlfile_parse(a, S("x.yaml"), text, f, d);
}

static void check_places(const struct diags *d, struct str text) {
    int lines = 2; /* libyaml places a text that ends too early on the line behind it */
    for (size_t i = 0; i < text.n; i++) /* it also takes U+0085, U+2028 and U+2029 for line ends */
        lines += strchr("\n\r\x85\xa8\xa9", text.p[i]) != NULL;
    for (size_t i = 0; i < d->n; i++)
        if (d->list[i].place.line < 0 || d->list[i].place.line > lines || d->list[i].text.n == 0)
            abort();
}

/* Every step goes on behind itself, or ends. */
static void check_step(const struct campaign *c, size_t i) {
    const struct step *s = &c->steps[i];
    if (!s->id.n || campaign_step(c, s->id) != i || s->next <= i || s->next > c->n_steps ||
        s->otherwise <= i || s->otherwise > c->n_steps)
        abort();
    if (s->kind == STEP_SEND && s->u.send.transactional == (s->u.send.topic.n > 0))
        abort();
    uint64_t sum = 0;
    for (size_t k = 0; s->kind == STEP_SPLIT && k < s->u.split.n_variants; k++) {
        const struct step_variant *v = &s->u.split.variants[k];
        sum += v->share_ppm;
        if (v->first <= i || v->first > c->n_steps)
            abort();
    }
    if (s->kind == STEP_SPLIT && sum != CAMPAIGN_PPM)
        abort();
}

static void read_campaign(struct arena *a, struct str text, struct campaign_set *set,
                          struct diags *d) {
    const struct zone *zone;
    struct err e = ERR_INIT;
    struct campaign_care care = {.n_caps = 0};
    struct yamlfile f;
    struct campaign c;
    const struct campaign *list = &c;
    if (!wallclock_zone(S("UTC"), &zone, &e))
        abort();
    struct campaign_names names = {channels, 1, topics, 2, templates, 1, zone};
    if (!parse(a, text, &f, d))
        return;
    campaign_file_read(a, &f, set, &names, &c, d);
    if (strlen(c.version) != CAMPAIGN_VERSION_CHARS)
        abort();
    if (d->errors)
        return;
    if (!c.name.n || !c.id.n || c.n_steps == 0 || c.max_age_us <= 0 ||
        c.holdout_ppm >= CAMPAIGN_PPM || (c.audience_text.n && !c.audience))
        abort();
    for (size_t i = 0; i < c.n_steps; i++)
        check_step(&c, i);
    campaign_set_build(a, set, &list, 1, d);
    campaign_review(a, &c, &care, d);
    campaign_loops_review(a, set, d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static FILE *null;
    if (!null && !(null = fopen("/dev/null", "w")))
        abort();
    struct str text = str_of((const char *)data, size);
    struct arena *a = arena_new(0);
    struct yamlfile f;
    struct diags fixed, d;
    struct campaign_set set = {.n_campaigns = 0}, other = {.n_campaigns = 0};
    diags_init(&fixed, a);
    diags_init(&d, a);
    if (!parse(a, str_from(known), &f, &fixed))
        abort();
    catalog_read(a, &f, &set.catalog, &fixed);
    if (!parse(a, str_from(groups), &f, &fixed))
        abort();
    segment_read(a, &f, &set.catalog, NULL, &set.segments, &set.n_segments, &fixed);
    if (fixed.n)
        abort();
    read_campaign(a, text, &set, &d);
    if (parse(a, text, &f, &d)) {
        catalog_read(a, &f, &other.catalog, &d);
        segment_read(a, &f, &set.catalog, NULL, &other.segments, &other.n_segments, &d);
    }
    check_places(&d, text);
    diags_sort(&d);
    diags_print(&d, null, true);
    arena_free(a);
    return 0;
}
