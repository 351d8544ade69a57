/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/attribution.h"

#include "base/arena.h"
#include "base/json.h"

#include <math.h>

const char *attribution_touch_name(enum attribution_touch t) {
    static const char *const names[] = {"held_out", "sent", "open", "click"};
    return names[t];
}

static struct attribution_credit touch_of(const struct attribution_message *m, bool first) {
    int64_t click = first ? m->first_click_us : m->last_click_us;
    int64_t open = first ? m->first_open_us : m->last_open_us;
    if (click != ATTRIBUTION_NEVER)
        return (struct attribution_credit){m->id, ATTRIBUTION_CLICK, click};
    if (open != ATTRIBUTION_NEVER)
        return (struct attribution_credit){m->id, ATTRIBUTION_OPEN, open};
    return (struct attribution_credit){m->id, m->held_out ? ATTRIBUTION_HELD_OUT : ATTRIBUTION_SENT,
                                       m->at_us};
}

/* Of two touches of one kind; of two at one instant that of the later message is the last. */
static bool is_earlier(const struct attribution_credit *x, const struct attribution_credit *y) {
    return x->at_us != y->at_us ? x->at_us < y->at_us : x->message < y->message;
}

size_t attribution_credits(const struct campaign_goal *goal, int64_t at_us,
                           const struct attribution_message *messages, size_t n,
                           struct attribution_credit *out) {
    bool first = goal->attribution == GOAL_FIRST;
    size_t credits = 0;
    for (size_t i = 0; i < n; i++) {
        const struct attribution_message *m = &messages[i];
        if (m->at_us >= at_us || at_us - m->at_us > goal->within_us)
            continue;
        struct attribution_credit x = touch_of(m, first);
        if (credits && x.touch < out[0].touch)
            continue;
        if (credits && x.touch > out[0].touch)
            credits = 0;
        if (goal->attribution == GOAL_LINEAR || !credits)
            out[credits++] = x;
        else if (is_earlier(&x, &out[0]) == first)
            out[0] = x;
    }
    return credits;
}

static bool is_number(struct value v) {
    double d;
    if (value_is(v, V_STRING))
        return str_to_double(value_text(v), &d) && isfinite(d);
    return value_is(v, V_INT) || value_is(v, V_UINT) || (value_is(v, V_DOUBLE) && isfinite(v.u.d));
}

struct str attribution_value(struct match_scope *s, const struct campaign_goal *goal,
                             struct str *why) {
    struct err e = ERR_INIT;
    struct value v;
    struct buf b = BUF_IN(s->arena);
    *why = STR_NONE;
    if (!goal->value)
        return STR_NONE;
    if (!cel_eval(goal->value, &s->activation, s->arena, &v, &e)) {
        *why = str_dup(s->arena, str_from(e.text));
        return STR_NONE;
    }
    if (!is_number(v)) {
        *why =
            str_printf(s->arena, "the value is no number but of type %s", value_type_name(v.type));
        return STR_NONE;
    }
    if (value_is(v, V_STRING))
        return str_dup(s->arena, value_text(v));
    if (value_is(v, V_UINT))
        buf_printf(&b, "%llu", (unsigned long long)v.u.u);
    else
        json_write(&b, v);
    return buf_str(&b);
}
