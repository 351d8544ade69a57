/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/window.h"

#include "base/calendar.h"

#include <stddef.h>

const struct form window_form = {
    .what = "a window",
    .help = "When messages may leave, in the customer's time zone",
    .fields = (const struct form_field[]){{.key = "from",
                                           .type = FORM_CUSTOM,
                                           .read = window_read_time,
                                           .required = true,
                                           .offset = offsetof(struct campaign_window, from_minute),
                                           .schema = WINDOW_TIME_SCHEMA,
                                           .help = "the time of day at which it opens",
                                           .example = "\"09:00\""},
                                          {.key = "to",
                                           .type = FORM_CUSTOM,
                                           .read = window_read_time,
                                           .required = true,
                                           .offset = offsetof(struct campaign_window, to_minute),
                                           .schema = WINDOW_TIME_SCHEMA,
                                           .help = "the time at which it closes; earlier than "
                                                   "`from`: on the next day",
                                           .example = "\"18:00\""},
                                          {.key = "days",
                                           .type = FORM_CUSTOM,
                                           .read = window_read_days,
                                           .offset = offsetof(struct campaign_window, weekdays),
                                           .schema = WINDOW_DAYS_SCHEMA,
                                           .help = "the days of the week on which it opens; every "
                                                   "day without it",
                                           .example = "[mon, tue, wed, thu, fri]"},
                                          {0}},
};

void window_read_time(struct form_reader *r, const struct ynode *node, void *out) {
    if (!form_want_text(r, node, "a time of day") || calendar_parse_time(node->text, out))
        return;
    struct diag *x =
        form_error(r, node, "`%.*s` is not a time of day, 00:00 to 23:59", STR_FMT(node->text));
    x->hint = S("write hours and minutes in quotes: \"09:00\"");
}

void window_read_days(struct form_reader *r, const struct ynode *node, void *out) {
    unsigned days = 0;
    int day;
    if (!form_want_list(r, node, "`days`"))
        return;
    if (node->n == 0)
        form_error(r, node, "`days` is empty: leave it out for every day");
    for (size_t i = 0; i < node->n; i++) {
        const struct ynode *item = node->items[i];
        if (!form_want_text(r, item, "a day of the week"))
            continue;
        if (calendar_parse_weekday(item->text, &day))
            days |= 1u << day;
        else
            form_error(r, item, "`%.*s` is not a day of the week", STR_FMT(item->text))->hint =
                S("they are mon, tue, wed, thu, fri, sat, sun");
    }
    *(unsigned *)out = days;
}

void window_read(struct form_reader *r, const struct form *form, const struct ynode *node,
                 struct campaign_window *out) {
    struct campaign_window w = {.from_minute = -1, .to_minute = -1};
    form_read(r, form, node, &w);
    if (w.from_minute < 0 || w.to_minute < 0)
        return;
    if (w.from_minute == w.to_minute)
        form_error(r, node, "this begins and ends at the same time of day");
    else
        *out = w;
}

/* minute: of the week, which begins with Sunday */
static bool is_inside(const struct campaign_window *w, int minute) {
    int day = minute / CALENDAR_MINUTES, of_day = minute % CALENDAR_MINUTES;
    bool over = w->from_minute > w->to_minute; /* midnight */
    bool behind = of_day >= w->from_minute, before = of_day < w->to_minute;
    if (over ? !behind && !before : !behind || !before)
        return false;
    if (over && !behind) /* it began the day before */
        day = (day + 6) % 7;
    return !w->weekdays || w->weekdays & 1u << day;
}

int window_longest_wait(const struct campaign_window *x, const struct campaign_window *quiet) {
    int longest = 0, closed = 0;
    bool always = x->from_minute == x->to_minute;
    bool loud = quiet->from_minute == quiet->to_minute;
    for (int i = 0; i < 2 * WINDOW_NEVER; i++) { /* twice: a wait may go over Saturday's end */
        int minute = i % WINDOW_NEVER;
        bool open = (always || is_inside(x, minute)) && (loud || !is_inside(quiet, minute));
        closed = open ? 0 : closed + 1;
        longest = closed > longest ? closed : longest;
    }
    return longest < WINDOW_NEVER ? longest : WINDOW_NEVER;
}
