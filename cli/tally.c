/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/tally.h"

#include "base/wallclock.h"

#include <errno.h>
#include <string.h>

static const char *const line_columns[] = {"at",      "customer", "campaign", "version", "step",
                                           "variant", "channel",  "outcome",  "reason",  NULL};
static const char *const campaign_columns[] = {"campaign",  "version",  "send",       "customers",
                                               "most_each", "held_out", "suppressed", "capped",
                                               "failed",    "stale",    "error",      NULL};
static const char *const reason_columns[] = {"campaign", "outcome", "gate",
                                             "count",    "example", NULL};
static const char *const lack_columns[] = {"template", "required", "customers", "first", NULL};
static const char *const variant_columns[] = {"template", "locale", "variant", "messages", NULL};

static struct value text(struct str s) {
    return s.n ? value_str(s) : VALUE_NULL;
}

static struct value instant(int64_t us) {
    int64_t s = us / WALLCLOCK_US_PER_S - (us % WALLCLOCK_US_PER_S < 0);
    return value_timestamp(s, 0);
}

bool tally_which(const struct args *args, const struct workspace *w, const struct campaign **out,
                 struct err *e) {
    *out = NULL;
    if (args->n == 0)
        return true;
    struct str name = str_from(args->positional[0]);
    *out = campaign_set_find(&w->rules, name);
    if (*out)
        return true;
    struct str names[256];
    size_t n = 0;
    for (; n < w->rules.n_campaigns && n < 256; n++)
        names[n] = w->rules.campaigns[n]->name;
    struct str near = str_nearest(name, names, n);
    return err_set(e, ERR_INPUT, "there is no campaign `%.*s`%s%.*s%s", STR_FMT(name),
                   near.n ? "; did you mean `" : "", STR_FMT(near), near.n ? "`?" : "");
}

bool tally_open(struct tally_file *f, const char *path, struct err *e) {
    *f = (struct tally_file){.path = path};
    if (!path)
        return true;
    f->file = fopen(path, "w");
    if (!f->file)
        return err_set(e, ERR_INPUT, "%s: %s", path, strerror(errno));
    f->lines = output_new(f->file, OUTPUT_CSV);
    output_section(f->lines, "decisions", "Decisions", line_columns);
    return true;
}

bool tally_close(struct tally_file *f, struct err *e) {
    if (!f->file)
        return true;
    bool written = output_end(f->lines);
    if (fclose(f->file) != 0)
        written = false;
    f->file = NULL;
    return written || err_set(e, ERR_PERMANENT, "%s: %s", f->path, strerror(errno));
}

void tally_line(const struct tally_file *f, const struct decision *d, const struct profile *p,
                int64_t at_us) {
    if (!f->lines)
        return;
    struct value cells[] = {
        instant(at_us),
        value_str(p->key),
        value_str(d->campaign->name),
        value_str(str_from(d->campaign->version)),
        text(d->step ? d->step->id : STR_NONE),
        text(d->variant),
        text(d->channel),
        value_str(str_from(outcome_name(d->outcome))),
        text(d->reason),
    };
    output_row(f->lines, cells);
}

void tally_campaigns(struct output *o, const struct plan_tally *t) {
    output_section(o, "campaigns", "What would come of it", campaign_columns);
    for (size_t i = 0; i < t->n_campaigns; i++) {
        const struct plan_campaign *c = &t->campaigns[i];
        struct value cells[] = {
            value_str(c->campaign->name),
            value_str(str_from(c->campaign->version)),
            value_int(c->outcomes[OUTCOME_SEND]),
            value_int(c->customers),
            value_int(c->per_customer),
            value_int(c->outcomes[OUTCOME_HELD_OUT]),
            value_int(c->outcomes[OUTCOME_SUPPRESSED]),
            value_int(c->outcomes[OUTCOME_CAPPED]),
            value_int(c->outcomes[OUTCOME_FAILED]),
            value_int(c->outcomes[OUTCOME_STALE]),
            value_int(c->outcomes[OUTCOME_ERROR]),
        };
        output_row(o, cells);
    }
}

static void print_reasons_of(struct output *o, const struct plan_tally *t,
                             const struct campaign *c) {
    for (size_t i = 0; i < t->n_reasons; i++) {
        const struct plan_reason *r = &t->reasons[i];
        if (r->campaign != c)
            continue;
        struct value cells[] = {value_str(c->name), value_str(str_from(outcome_name(r->outcome))),
                                value_str(str_from(r->gate)), value_int(r->count),
                                text(r->example)};
        output_row(o, cells);
    }
}

void tally_reasons(struct output *o, const struct plan_tally *t) {
    output_section(o, "reasons", "Why not", reason_columns);
    for (size_t i = 0; i < t->n_campaigns; i++)
        print_reasons_of(o, t, t->campaigns[i].campaign);
}

void tally_lacks(struct output *o, const struct plan_tally *t, struct arena *a) {
    output_section(o, "lacking", "Messages that would fail: the template requires what is missing",
                   lack_columns);
    for (size_t i = 0; i < t->n_lacks; i++) {
        const struct plan_lack *l = &t->lacks[i];
        struct buf keys = BUF_IN(a);
        for (size_t k = 0; k < l->n_keys; k++)
            buf_printf(&keys, "%s%.*s", k ? ", " : "", STR_FMT(l->keys[k]));
        if (l->count > (int64_t)l->n_keys)
            buf_add_str(&keys, S(", ..."));
        struct value cells[] = {value_str(l->template), value_str(l->value), value_int(l->count),
                                value_str(buf_str(&keys))};
        output_row(o, cells);
    }
}

void tally_variants(struct output *o, const struct plan_tally *t) {
    output_section(o, "variants", "Which variant of its template each locale would get",
                   variant_columns);
    for (size_t i = 0; i < t->n_variants; i++) {
        const struct plan_variant *v = &t->variants[i];
        struct value cells[] = {value_str(v->template), text(v->locale), value_str(v->variant),
                                value_int(v->messages)};
        output_row(o, cells);
    }
}
