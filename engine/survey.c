/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/survey.h"

#include "base/arena.h"
#include "engine/sql_text.h"
#include "rules/own_events.h"

#include <inttypes.h>

static const struct db_stmt st_events = {"survey_events", sql_survey_events};
static const struct db_stmt st_attributes = {"survey_attributes", sql_survey_attributes};

/* ---- looking */

static const struct survey_line *take(const struct db_result *r, struct arena *a, size_t *n,
                                      int64_t *seen) {
    struct survey_line *list = ARENA_ARRAY(a, struct survey_line, db_rows(r) + 1);
    *n = db_rows(r);
    *seen = *n ? db_int(r, 0, 5) : 0;
    for (size_t i = 0; i < *n; i++)
        list[i] = (struct survey_line){
            .event = str_dup(a, db_text(r, i, 0)),
            .property = db_is_null(r, i, 1) ? S("") : str_dup(a, db_text(r, i, 1)),
            .kind = str_dup(a, db_text(r, i, 2)),
            .count = db_int(r, i, 3),
            .example = str_dup(a, db_text(r, i, 4)),
        };
    return list;
}

bool survey_take(struct dbsync *db, int64_t most, struct arena *a, struct survey *out,
                 struct err *e) {
    struct db_params *p = db_params(a);
    struct db_call calls[] = {{&st_events, p}, {&st_attributes, p}};
    struct db_reply *reply;
    db_param_int8(p, most);
    if (!dbsync_run(db, calls, 2, &reply, e))
        return false;
    out->events = take(reply->result[0], a, &out->n_events, &out->events_seen);
    out->attributes = take(reply->result[1], a, &out->n_attributes, &out->customers_seen);
    db_reply_free(reply);
    return true;
}

/* ---- a first catalog */

static bool is_null(const struct survey_line *l) {
    return str_eq(l->kind, S("null")) || str_eq(l->kind, S("none"));
}

/* The type that holds both. */
static const char *joined(const char *have, struct str kind) {
    const char *type = str_eq(kind, S("whole")) ? "double" : kind.p;
    struct str x = str_from(type), y = str_from(have);
    if (!have || str_eq(x, y))
        return type;
    if (str_eq(x, S("timestamp")) || str_eq(y, S("timestamp")))
        return str_eq(x, S("string")) || str_eq(y, S("string")) ? "string" : "any";
    bool numbers = (str_eq(x, S("int")) || str_eq(x, S("double"))) &&
                   (str_eq(y, S("int")) || str_eq(y, S("double")));
    return numbers ? "double" : "any";
}

/* As form_want_name() takes it. */
static bool can_be_declared(struct str name) {
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c && strchr("._-", c))))
            return false;
    }
    return name.n > 0 && name.n <= 100;
}

/* Only what cannot end a comment. */
static void write_harmless(struct buf *out, struct str s) {
    for (size_t i = 0; i < s.n; i++)
        buf_add_char(out, (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
}

static void write_share(struct buf *out, int64_t count, int64_t of) {
    int64_t share = of ? count * 100 / of : 0;
    if (count >= of)
        buf_add_str(out, S("  # always\n"));
    else if (share == 0)
        buf_add_str(out, S("  # in less than 1 %\n"));
    else
        buf_printf(out, "  # in %" PRId64 " %%\n", share);
}

/* The property that begins at list[i]; returns where the next begins. */
static size_t write_property(const struct survey_line *list, size_t i, size_t n, int64_t of,
                             const char *indent, struct buf *out) {
    const struct survey_line *first = &list[i];
    const char *type = NULL;
    int64_t count = 0;
    for (;
         i < n && str_eq(list[i].event, first->event) && str_eq(list[i].property, first->property);
         i++)
        if (!is_null(&list[i])) {
            type = joined(type, list[i].kind);
            count += list[i].count;
        }
    if (!first->property.n)
        return i;
    if (!can_be_declared(first->property)) {
        buf_printf(out, "%s# a name that cannot be declared: ", indent);
        write_harmless(out, first->property);
        buf_add_char(out, '\n');
        return i;
    }
    buf_printf(out, "%s%.*s: %s", indent, STR_FMT(first->property), type ? type : "any");
    write_share(out, count, of);
    return i;
}

/* How many events of that name were seen: what every event has is the most frequent. */
static int64_t events_of(const struct survey_line *list, size_t i, size_t n) {
    int64_t most = 0, count = 0;
    for (size_t k = i; k < n && str_eq(list[k].event, list[i].event); k++) {
        bool same = k > i && str_eq(list[k].property, list[k - 1].property);
        count = same ? count + list[k].count : list[k].count;
        most = count > most ? count : most;
    }
    return most;
}

static size_t write_event(const struct survey_line *list, size_t i, size_t n, struct buf *out) {
    const struct survey_line *first = &list[i];
    int64_t of = events_of(list, i, n);
    bool good = can_be_declared(first->event), headed = false;
    if (good) {
        buf_printf(out, "  %.*s:\n", STR_FMT(first->event));
    } else {
        buf_add_str(out, S("  # a name that cannot be declared: "));
        write_harmless(out, first->event);
        buf_add_char(out, '\n');
    }
    while (i < n && str_eq(list[i].event, first->event)) {
        if (!good || !list[i].property.n) {
            i++;
            continue;
        }
        if (!headed)
            buf_add_str(out, S("    properties:\n"));
        headed = true;
        i = write_property(list, i, n, of, "      ", out);
    }
    return i;
}

void survey_write_catalog(const struct survey *s, struct buf *out) {
    buf_printf(out,
               "# Which attributes customers have and which events happen, with their types.\n"
               "# A first draft from %" PRId64 " customers and the latest %" PRId64
               " events: look it over.\n",
               s->customers_seen, s->events_seen);
    buf_add_str(out, S("# For `rfm` in conditions: purchase: { event: order.placed, value: amount }"
                       "\n\nattributes:"));
    size_t head = out->n;
    buf_add_char(out, '\n');
    for (size_t i = 0; i < s->n_attributes;)
        i = write_property(s->attributes, i, s->n_attributes, s->customers_seen, "  ", out);
    if (out->n == head + 1) {
        out->n = head;
        buf_add_str(out, S(" {}\n"));
    }
    head = out->n;
    buf_add_str(out, S("\nevents:\n"));
    size_t heading = out->n;
    for (size_t i = 0; i < s->n_events;) {
        if (own_events_find(s->events[i].event)) /* known as they are */
            i++;
        else
            i = write_event(s->events, i, s->n_events, out);
    }
    if (out->n == heading) {
        out->n = head;
        buf_add_str(out, S("\nevents: {}\n"));
    }
}

/* ---- against the catalog */

static bool holds(enum catalog_type type, struct str kind) {
    switch (type) {
    case CATALOG_ANY:
        return true;
    case CATALOG_STRING:
        return str_eq(kind, S("string")) || str_eq(kind, S("timestamp"));
    case CATALOG_INT:
        return str_eq(kind, S("int")) || str_eq(kind, S("whole"));
    case CATALOG_DOUBLE:
        return str_eq(kind, S("int")) || str_eq(kind, S("whole")) || str_eq(kind, S("double"));
    case CATALOG_BOOL:
    case CATALOG_TIMESTAMP:
    case CATALOG_LIST:
    case CATALOG_MAP:
        return str_eq(kind, str_from(catalog_type_name(type)));
    }
    return false;
}

enum survey_fit survey_fit(const struct catalog *c, const struct survey_line *line,
                           const char **declared) {
    const struct catalog_event *event = line->event.n ? catalog_event(c, line->event) : NULL;
    const struct catalog_field *f = NULL;
    *declared = "";
    if (line->event.n && !event)
        return SURVEY_UNDECLARED;
    if (!line->property.n)
        return SURVEY_FITS;
    f = event ? catalog_property(event, line->property) : catalog_attribute(c, line->property);
    if (!f)
        return SURVEY_UNDECLARED;
    *declared = catalog_type_name(f->type);
    return is_null(line) || holds(f->type, line->kind) ? SURVEY_FITS : SURVEY_MISFIT;
}
