/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "templates/liquid_dates.h"
#include "templates/liquid_filters.h"
#include "templates/locale_format.h"

#include <inttypes.h>

#define SECONDS_MAX INT64_C(60000000000000000) /* two thousand million years */

/* ---- date */
static bool instant(struct render *r, struct value v, struct moment *m) {
    const struct liquid_params *p = r->params;
    int64_t i;
    *m = (struct moment){.zone = p->zone, .utc = !p->zone};
    if (v.type == V_TIMESTAMP) {
        m->seconds = v.u.i;
        m->nanos = v.aux;
        return true;
    }
    if (v.type == V_INT) {
        m->seconds = v.u.i;
        return v.u.i > -SECONDS_MAX && v.u.i < SECONDS_MAX;
    }
    if (v.type != V_STRING)
        return false;
    struct str s = value_text(v);
    if (str_eq_nocase(s, S("now")) || str_eq_nocase(s, S("today"))) {
        m->seconds = p->now;
        return true;
    }
    bool digits = s.n > 0;
    for (size_t k = 0; k < s.n && digits; k++)
        digits = s.p[k] >= '0' && s.p[k] <= '9';
    if (digits) {
        m->seconds = str_to_int64(s, &i) ? i : SECONDS_MAX;
        return m->seconds < SECONDS_MAX;
    }
    if (!r->set->dates || !date_read(r->set->dates, r->arena, s, p->now, p->zone, m))
        return false;
    if (p->zone) /* a message tells every time in the customer's zone */
        m->zone = p->zone;
    return true;
}

FILTER(date) {
    struct str format = filter_text(r, in->v[0]);
    struct locale_format *locale = r->params->locale;
    struct moment m;
    if (format.n == 0 || !instant(r, in->input, &m))
        return true;
    struct buf b = BUF_IN(r->arena);
    if (!locale || !locale_date(locale, &b, format, &m)) {
        if (!filter_room(r, (uint64_t)format.n * 8) ||
            !date_write(&b, format, &m, locale ? locale_date_names(locale) : NULL))
            return liquid_fail(r, "`date` cannot write with the pattern `%.*s`",
                               STR_FMT(str_sub(format, 0, 60)));
    }
    return filter_room(r, b.n) && filter_result(r, &b, out);
}

/* ---- numbers and amounts */
static struct str plain_digits(struct render *r, struct value v) {
    struct number x = liquid_number(r->arena, v);
    struct buf b = BUF_IN(r->arena);
    if (x.scale == 0) {
        number_write(&b, x);
        return buf_str(&b);
    }
    struct number whole = x;
    whole.scale = 0;
    whole.negative = false;
    number_write(&b, whole);
    struct str digits = buf_str(&b);
    struct buf text = BUF_IN(r->arena);
    if (x.negative)
        buf_add_char(&text, '-');
    size_t scale = (size_t)x.scale;
    if (digits.n > scale) {
        buf_add_str(&text, str_sub(digits, 0, digits.n - scale));
        digits = str_sub(digits, digits.n - scale, digits.n);
    } else {
        buf_add_char(&text, '0');
    }
    buf_add_char(&text, '.');
    for (size_t n = digits.n; n < scale; n++)
        buf_add_char(&text, '0');
    buf_add_str(&text, digits);
    return buf_str(&text);
}

/* A text that is no number at all stays as it is: better than a wrong 0. */
static bool numeric(struct value v) {
    if (liquid_is_number(v))
        return true;
    struct str s = v.type == V_STRING ? str_trim(value_text(v)) : STR_NONE;
    double d;
    return s.n && str_to_double(s, &d);
}

FILTER(number) {
    int64_t decimals = -1;
    if (in->n && !filter_integer(r, in->v[0], &decimals))
        return false;
    if (decimals < -1 || decimals > 20)
        return liquid_fail(r, "`number` takes 0 to 20 decimals");
    if (!numeric(in->input))
        return true;
    struct buf b = BUF_IN(r->arena);
    if (r->params->locale)
        locale_number(r->params->locale, &b, plain_digits(r, in->input), (int)decimals);
    else
        buf_add_str(&b, plain_digits(r, in->input));
    return filter_result(r, &b, out);
}

FILTER(money) {
    struct str currency = in->n ? filter_text(r, in->v[0]) : r->params->currency;
    if (!numeric(in->input))
        return true;
    if (currency.n == 0)
        return liquid_fail(r, "`money` needs a currency: {{ amount | money: \"TWD\" }}");
    struct buf b = BUF_IN(r->arena);
    struct str digits = plain_digits(r, in->input);
    if (!r->params->locale) {
        buf_add_str(&b, currency);
        buf_add_char(&b, ' ');
        buf_add_str(&b, digits);
    } else if (!locale_money(r->params->locale, &b, digits, currency)) {
        return liquid_fail(r, "`%.*s` is no currency", STR_FMT(str_sub(currency, 0, 20)));
    }
    return filter_result(r, &b, out);
}

/* ---- translations: a key -> a text, or -> texts by locale (zh-TW, zh, default) */
static struct str language(struct str locale) {
    for (size_t i = 0; i < locale.n; i++)
        if (locale.p[i] == '-' || locale.p[i] == '_')
            return str_sub(locale, 0, i);
    return locale;
}

static bool translate(const struct render *r, struct str key, struct str *out) {
    const struct liquid_params *p = r->params;
    const struct value *v = p->translations ? map_get_str(p->translations, key) : NULL;
    if (v && v->type == V_MAP) {
        const struct map *by_locale = v->u.map;
        v = map_get_str(by_locale, p->locale_name);
        if (!v)
            v = map_get_str(by_locale, language(p->locale_name));
        if (!v)
            v = map_get_str(by_locale, S("default"));
        if (!v && by_locale->n)
            v = &by_locale->e[0].value;
    }
    if (!v || v->type != V_STRING)
        return false;
    *out = value_text(*v);
    return true;
}

/* Puts the named values in place of {name}. */
static void fill_in(struct render *r, struct buf *b, struct str text, const struct map *values) {
    for (size_t i = 0; i < text.n; i++) {
        const char *end = text.p[i] == '{' ? memchr(text.p + i, '}', text.n - i) : NULL;
        struct str name = end ? str_sub(text, i + 1, (size_t)(end - text.p)) : STR_NONE;
        const struct value *v = end && values ? map_get_str(values, str_trim(name)) : NULL;
        if (!v) {
            buf_add_char(b, text.p[i]);
            continue;
        }
        buf_add_str(b, filter_text(r, *v));
        i = (size_t)(end - text.p);
    }
}

FILTER(t) {
    struct str key = filter_text(r, in->input), text;
    const struct map *values = NULL;
    if (in->n && in->v[in->n - 1].type == V_MAP)
        values = in->v[in->n - 1].u.map;
    if (!translate(r, key, &text)) {
        if (in->n && in->v[0].type == V_STRING) { /* a text of its own to fall back to */
            text = value_text(in->v[0]);
        } else {
            return liquid_fail(r, "there is no translation for `%.*s`",
                               STR_FMT(str_sub(key, 0, 80)));
        }
    }
    struct buf b = BUF_IN(r->arena);
    fill_in(r, &b, text, values);
    return filter_room(r, b.n) && filter_result(r, &b, out);
}

/* ---- json */

/* Liquid's own kinds as data. */
static struct value plain(struct render *r, struct value v) {
    switch (v.type) {
    case V_LIST: {
        struct list *l = list_new(r->arena, v.u.list->n);
        for (size_t i = 0; i < v.u.list->n; i++)
            list_add(r->arena, l, plain(r, v.u.list->v[i]));
        return value_list(l);
    }
    case V_RANGE:
    case V_BIG:
    case V_FORLOOP:
    case V_TABLEROW:
    case V_SELF:
        return value_str(filter_text(r, v));
    default:
        return v;
    }
}

FILTER(json) {
    struct buf b = BUF_IN(r->arena);
    if (in->input.type == V_BIG)
        liquid_write(&b, in->input);
    else
        json_write(&b, plain(r, in->input));
    return filter_room(r, b.n) && filter_result(r, &b, out);
}
