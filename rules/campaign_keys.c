/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_keys.h"

#include "base/rate.h"
#include "base/wallclock.h"
#include "rules/campaign_internal.h"
#include "rules/window.h"

#include <stddef.h>

static void read_per_customer(struct form_reader *r, const struct ynode *node, void *out);
static void read_rate(struct form_reader *r, const struct ynode *node, void *out);

const struct form campaign_keys_limits = {
    .what = "`limits`",
    .help = "How often this campaign may write to the same customer, and how fast at all",
    .fields =
        (const struct form_field[]){
            {.key = "per_customer",
             .type = FORM_CUSTOM,
             .read = read_per_customer,
             .offset = offsetof(struct campaign, per_customer),
             .schema = "{\"type\":\"string\",\"pattern\":\"^(once|[1-9][0-9]* per .+)$\"}",
             .help = "`once`, or a number of messages per span of time",
             .example = "1 per 90d"},
            {.key = "rate",
             .type = FORM_CUSTOM,
             .read = read_rate,
             .offset = offsetof(struct campaign, rate_per_s),
             .schema = "{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]*/[a-z]+$\"}",
             .help = "messages of this campaign in a time",
             .example = "20/s"},
            {0}},
};

static void read_per_customer(struct form_reader *r, const struct ynode *node, void *out) {
    struct campaign_limit limit = {.most = 1};
    struct err e = ERR_INIT;
    if (!form_want_text(r, node, "`per_customer`"))
        return;
    limit.text = node->text;
    ptrdiff_t per = str_find(node->text, S(" per "));
    bool good = str_eq(node->text, S("once"));
    if (!good && per > 0)
        good = str_to_int64(str_trim(str_sub(node->text, 0, (size_t)per)), &limit.most) &&
               limit.most >= 1 && limit.most <= 1000000 &&
               wallclock_parse_span(str_trim(str_sub(node->text, (size_t)per + 5, node->text.n)),
                                    &limit.span_us, &e);
    if (good) {
        *(struct campaign_limit *)out = limit;
        return;
    }
    struct diag *x = form_error(
        r, node, "`per_customer` must be `once` or a number of messages per span, not `%.*s`",
        STR_FMT(node->text));
    x->hint = S("for example `1 per 90d`; spans are 30s, 90m, 12h, 7d, 2w");
}

static void read_rate(struct form_reader *r, const struct ynode *node, void *out) {
    struct rate rate;
    struct err e = ERR_INIT;
    if (!form_want_text(r, node, "`rate`"))
        return;
    if (rate_parse(node->text, &rate, &e))
        *(double *)out = rate_per_second(rate);
    else
        form_error(r, node, "%s", e.text);
}

bool campaign_keys_share(struct form_reader *r, const struct ynode *node, const char *what,
                         uint32_t *ppm) {
    double percent;
    if (!form_want_text(r, node, what))
        return false;
    bool sign = str_ends(node->text, S("%"));
    struct str number = str_trim(str_sub(node->text, 0, node->text.n - (sign ? 1 : 0)));
    if (!str_to_double(number, &percent)) {
        struct diag *x =
            form_error(r, node, "%s must be a percentage, not `%.*s`", what, STR_FMT(node->text));
        x->hint = S("for example `10%`");
    } else if (!sign) {
        struct diag *x = form_error(r, node, "%s needs a percent sign", what);
        x->hint = str_printf(r->a, "write `%.*s%%`", STR_FMT(number));
    } else if (!(percent >= 0 && percent <= 100)) {
        form_error(r, node, "%s must be from 0%% to 100%%, not `%.*s`", what, STR_FMT(node->text));
    } else {
        *ppm = (uint32_t)(percent * (CAMPAIGN_PPM / 100) + 0.5);
        return true;
    }
    return false;
}

void campaign_keys_holdout(struct form_reader *r, const struct ynode *node, void *out) {
    uint32_t ppm;
    if (!campaign_keys_share(r, node, "`holdout`", &ppm))
        return;
    if (ppm == CAMPAIGN_PPM)
        form_error(r, node, "`holdout` must be less than 100%%: nobody would get anything");
    else
        *(uint32_t *)out = ppm;
}

void campaign_keys_expires(struct form_reader *r, const struct ynode *node, void *out) {
    struct campaign *c = out;
    struct err e = ERR_INIT;
    if (!form_want_text(r, node, "`expires`") ||
        wallclock_parse_span(node->text, &c->expires_after_us, &e) ||
        campaign_instant(r, node->text, &c->expires_at_us))
        return;
    struct diag *d =
        form_error(r, node, "`expires` must be a span or a date, not `%.*s`", STR_FMT(node->text));
    d->hint = S("for example `expires: 2d`, or `expires: 2026-12-31`");
}

void campaign_keys_reentry(struct form_reader *r, const struct ynode *node, void *out) {
    struct campaign *c = out;
    struct err e = ERR_INIT;
    struct str every = S("every ");
    if (!form_want_text(r, node, "`reentry`") || str_eq(node->text, S("always")))
        return;
    if (str_eq(node->text, S("once"))) {
        c->reentry = REENTRY_ONCE;
    } else if (str_starts(node->text, every) &&
               wallclock_parse_span(str_sub(node->text, every.n, node->text.n), &c->reentry_us,
                                    &e)) {
        c->reentry = REENTRY_EVERY;
    } else {
        struct diag *d = form_error(r, node,
                                    "`reentry` must be `always`, `once` or `every` and a span, not "
                                    "`%.*s`",
                                    STR_FMT(node->text));
        d->hint = S("for example `reentry: every 90d`");
    }
}

void campaign_keys_past_due(struct form_reader *r, const struct ynode *node, void *out) {
    struct campaign *c = out;
    if (!form_want_text(r, node, "`past_due`"))
        return;
    if (str_eq(node->text, S("send"))) {
        c->past_due = PAST_DUE_SEND;
    } else if (str_eq(node->text, S("skip"))) {
        c->past_due = PAST_DUE_SKIP;
    } else if (!campaign_spread(node->text, &c->past_due_us)) {
        struct diag *d =
            form_error(r, node,
                       "`past_due` must be `send`, `skip` or `spread over` a time, not "
                       "`%.*s`",
                       STR_FMT(node->text));
        d->hint = S("for example `past_due: spread over 1h`");
    }
}

void campaign_keys_send_window(struct form_reader *r, const struct ynode *node, void *out) {
    if (form_want_map(r, node, "`send_window`"))
        window_read(r, &window_form, node, &((struct campaign *)out)->send_window);
}

/* YAML 1.1 has `off` for false, and so has an editor's schema. */
void campaign_keys_off(struct form_reader *r, const struct ynode *node, void *out) {
    bool off = node->kind == Y_SCALAR &&
               (str_eq(node->text, S("off")) || (!node->quoted && str_eq(node->text, S("false"))));
    if (off)
        *(bool *)out = true;
    else
        form_error(r, node, "this can only be `off`: what holds is in godwit.yaml")->hint =
            S("leave it out to have what godwit.yaml says");
}
