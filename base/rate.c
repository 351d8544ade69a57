/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/rate.h"

#define COUNT_MOST 1000000000

static const struct {
    const char *name;
    int seconds;
} units[] = {{"s", 1},    {"sec", 1},     {"m", 60},         {"min", 60},
             {"h", 3600}, {"hour", 3600}, {"d", RATE_DAY_S}, {"day", RATE_DAY_S}};

bool rate_parse(struct str text, struct rate *out, struct err *e) {
    struct str rest = text, count;
    *out = (struct rate){0};
    if (str_split(&rest, '/', &count) && rest.p && str_to_int64(str_trim(count), &out->count) &&
        out->count >= 1 && out->count <= COUNT_MOST)
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
            if (str_eq(str_trim(rest), str_from(units[i].name)))
                out->seconds = units[i].seconds;
    return out->seconds > 0 ||
           err_set(e, ERR_INPUT,
                   "`%.*s` is no rate; write a number and a time: 50/s, 30/min, "
                   "1000/h or 200/day",
                   STR_FMT(text));
}

double rate_per_second(struct rate r) {
    return r.seconds ? (double)r.count / r.seconds : 0;
}
