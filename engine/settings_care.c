/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/settings_care.h"

#include "base/arena.h"
#include "base/calendar.h"
#include "rules/window.h"

#include <inttypes.h>
#include <stddef.h>

#define CAPS_MOST 50u

/* ---- quiet hours */

const struct form settings_care_quiet_form = {
    .what = "`quiet_hours`",
    .help = "When no message about a topic leaves, in the customer's time zone",
    .fields = (const struct form_field[]){{.key = "from",
                                           .type = FORM_CUSTOM,
                                           .read = window_read_time,
                                           .required = true,
                                           .offset = offsetof(struct campaign_window, from_minute),
                                           .schema = WINDOW_TIME_SCHEMA,
                                           .help = "the time of day at which they begin",
                                           .example = "\"21:00\""},
                                          {.key = "to",
                                           .type = FORM_CUSTOM,
                                           .read = window_read_time,
                                           .required = true,
                                           .offset = offsetof(struct campaign_window, to_minute),
                                           .schema = WINDOW_TIME_SCHEMA,
                                           .help = "the time at which they end; messages wait "
                                                   "for it",
                                           .example = "\"09:00\""},
                                          {0}},
};

void settings_care_quiet_hours(struct form_reader *r, const struct ynode *node, void *out) {
    if (form_want_map(r, node, "`quiet_hours`"))
        window_read(r, &settings_care_quiet_form, node, &((struct settings *)out)->quiet_hours);
}

/* ---- caps */

static void read_per(struct form_reader *r, const struct ynode *node, void *out);

const struct form settings_care_cap_form = {
    .what = "a cap",
    .help = "At most so many messages of all campaigns for one customer",
    .fields =
        (const struct form_field[]){
            {.key = "most",
             .type = FORM_INT,
             .least = 1,
             .most = 1000000,
             .required = true,
             .offset = offsetof(struct settings_cap, most),
             .help = "how many messages",
             .example = "3"},
            {.key = "per",
             .type = FORM_CUSTOM,
             .read = read_per,
             .required = true,
             .offset = 0,
             .schema = "{\"type\":\"string\",\"pattern\":\"^(day|week|month|([0-9]+[wdhms])+)$\"}",
             .help = "in which time: any span, or a `day`, `week` or `month` of the customer's "
                     "calendar",
             .example = "7d"},
            {.key = "channel",
             .type = FORM_NAME,
             .offset = offsetof(struct settings_cap, channel),
             .help = "only messages of this channel",
             .example = "sms"},
            {.key = "topic",
             .type = FORM_NAME,
             .offset = offsetof(struct settings_cap, topic),
             .help = "only messages about this topic",
             .example = "offers"},
            {.key = "transactional",
             .type = FORM_BOOL,
             .offset = offsetof(struct settings_cap, transactional),
             .help = "whether it counts and holds back transactional messages as well; false by "
                     "default",
             .example = "true"},
            {0}},
};

static void read_per(struct form_reader *r, const struct ynode *node, void *out) {
    static const struct {
        const char *name;
        enum calendar_unit unit;
    } units[] = {{"day", CALENDAR_DAY}, {"week", CALENDAR_WEEK}, {"month", CALENDAR_MONTH}};
    struct settings_cap *cap = out;
    struct err e = ERR_INIT;
    if (!form_want_text(r, node, "`per`"))
        return;
    cap->text = node->text;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (str_eq(node->text, str_from(units[i].name))) {
            cap->unit = units[i].unit;
            return;
        }
    if (wallclock_parse_span(node->text, &cap->span_us, &e))
        return;
    form_error(r, node, "`per` must be a span of time, `day`, `week` or `month`, not `%.*s`",
               STR_FMT(node->text))
        ->hint = S("for example `{ most: 3, per: 7d }`");
}

void settings_care_caps(struct form_reader *r, const struct ynode *node, void *out) {
    struct settings *s = out;
    if (!form_want_list(r, node, "`caps`"))
        return;
    if (node->n > CAPS_MOST) {
        form_error(r, node, "more than %u caps", CAPS_MOST);
        return;
    }
    struct settings_cap *list = ARENA_ARRAY(r->a, struct settings_cap, node->n + 1);
    for (size_t i = 0; i < node->n; i++) {
        struct settings_cap *cap = &list[s->n_caps];
        form_read(r, &settings_care_cap_form, node->items[i], cap);
        cap->text = str_printf(r->a, "%" PRId64 " per %.*s", cap->most, STR_FMT(cap->text));
        s->n_caps += cap->most > 0;
    }
    s->caps = list;
}

/* ---- what needs the rest of the file */

static void check_name(struct form_reader *r, const struct ynode *node, const char *what,
                       bool known, const struct str *names, size_t n) {
    if (!node || known || node->kind != Y_SCALAR)
        return;
    struct diag *d = form_error(r, node, "there is no %s `%.*s`", what, STR_FMT(node->text));
    form_suggest(r, d, node->text, names, n);
}

void settings_care_check(struct form_reader *r, const struct settings *s) {
    const struct ynode *list = ynode_get(r->file->root, S("caps"));
    struct str *channels = ARENA_ARRAY(r->a, struct str, s->n_channels + 1);
    struct str *topics = ARENA_ARRAY(r->a, struct str, s->n_topics + 1);
    for (size_t i = 0; i < s->n_channels; i++)
        channels[i] = s->channels[i].name;
    for (size_t i = 0; i < s->n_topics; i++)
        topics[i] = s->topics[i].name;
    for (size_t i = 0; list && list->kind == Y_LIST && i < list->n; i++) {
        const struct ynode *channel = ynode_get(list->items[i], S("channel"));
        const struct ynode *topic = ynode_get(list->items[i], S("topic"));
        check_name(r, channel, "channel", channel && settings_channel(s, channel->text), channels,
                   s->n_channels);
        check_name(r, topic, "topic", topic && settings_topic(s, topic->text), topics, s->n_topics);
    }
}
