/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/import/import_row.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/wallclock.h"
#include "engine/address.h"
#include "rules/own_events.h"

#define MAX_KEY 255u   /* bytes, as the tables have it */
#define MAX_LOCALE 35u /* characters of a BCP 47 tag that must be supported */
#define SHOWN 60u      /* bytes of a cell in a reason */

#define COPY_EVENTS "copy godwit.events (customer, name, dedupe, mode, properties"
#define COPY_FROM ") from stdin"

void import_rows_init(struct import_rows *r, struct arena *a, const struct import_map *map,
                      const struct zone *zone, bool trigger) {
    *r = (struct import_rows){.map = map, .zone = zone, .trigger = trigger, .types_of = BUF_IN(a)};
    r->types = ARENA_ARRAY(a, enum catalog_type, map->n_pairs + 1);
    import_map_types(map, map->event_name, r->types);
}

const char *import_rows_copy(const struct import_rows *r) {
    if (r->map->kind == IMPORT_CUSTOMERS)
        return "copy godwit_import (n, key, email, phone, locale, timezone, attributes" COPY_FROM;
    return r->map->column[FIELD_OCCURRED_AT] >= 0 ? COPY_EVENTS ", occurred_at" COPY_FROM
                                                  : COPY_EVENTS COPY_FROM;
}

/* ---- cells */

static struct str cell(const struct import_rows *r, const struct csv_row *row,
                       enum import_field f) {
    int column = r->map->column[f];
    return column < 0 ? S("") : row->field[column];
}

/* The beginning of a cell, for a reason. */
static struct str shown(struct str s) {
    size_t n = s.n < SHOWN ? s.n : SHOWN;
    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return str_of(s.p, n);
}

static bool refuse(struct err *e, const struct import_rows *r, int column, struct str text,
                   const char *why) {
    return err_set(e, ERR_INPUT, "column `%.*s`: `%.*s`%s %s", STR_FMT(r->map->header[column]),
                   STR_FMT(shown(text)), text.n > SHOWN ? "..." : "", why);
}

static void copy_text(struct buf *out, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        char letter = c == '\\' ? c : c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : 0;
        if (letter)
            buf_add_char(out, '\\');
        buf_add_char(out, letter ? letter : c);
    }
}

/* An empty cell is null. */
static void copy_cell(struct buf *out, struct str s) {
    if (s.n)
        copy_text(out, s);
    else
        buf_add_str(out, S("\\N"));
}

/* ---- values by type */

static const struct {
    const char *word;
    bool value;
} bool_words[] = {{"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"t", true},
                  {"f", false},   {"y", true},      {"n", false},  {"1", true},   {"0", false}};

static const char *read_bool(struct str text, struct value *out) {
    for (size_t i = 0; i < sizeof bool_words / sizeof *bool_words; i++)
        if (str_eq_nocase(str_trim(text), str_from(bool_words[i].word))) {
            *out = value_bool(bool_words[i].value);
            return NULL;
        }
    return "is neither true nor false";
}

static const char *read_int(struct str text, struct value *out) {
    int64_t i = 0;
    if (!str_to_int64(str_trim(text), &i))
        return "is not a whole number";
    *out = value_int(i);
    return NULL;
}

static const char *read_double(struct str text, struct value *out) {
    double d = 0;
    if (!str_to_double(str_trim(text), &d))
        return "is not a number";
    *out = value_double(d);
    return NULL;
}

static const char *read_json(struct arena *a, struct str text, enum value_type type,
                             struct value *out) {
    struct err ignored = ERR_INIT;
    if (!json_parse(a, text, out, &ignored) || !value_is(*out, type))
        return type == V_LIST ? "is not a list as JSON" : "is not an object as JSON";
    return str_find(text, S("\\u0000")) >= 0 ? "holds a NUL character" : NULL;
}

/* NULL: *out is the value; otherwise what the text is not. */
static const char *read_value(const struct import_rows *r, struct arena *a, enum catalog_type type,
                              struct str text, struct value *out) {
    struct err ignored = ERR_INIT;
    int64_t seconds;
    uint32_t nanos;
    switch (type) {
    case CATALOG_INT:
        return read_int(text, out);
    case CATALOG_DOUBLE:
        return read_double(text, out);
    case CATALOG_BOOL:
        return read_bool(text, out);
    case CATALOG_LIST:
        return read_json(a, text, V_LIST, out);
    case CATALOG_MAP:
        return read_json(a, text, V_MAP, out);
    case CATALOG_TIMESTAMP:
        if (!wallclock_parse(text, r->zone, &seconds, &nanos, &ignored))
            return "is not a time; write it as 2026-11-21T08:00:00Z or 2026-11-21";
        *out = value_timestamp(seconds, nanos);
        return NULL;
    case CATALOG_ANY:
    case CATALOG_STRING:
        break;
    }
    *out = value_str(text);
    return NULL;
}

/* The attributes or properties, as JSON. */
static bool write_pairs(const struct import_rows *r, const struct csv_row *row, struct arena *a,
                        struct buf *out, struct err *e) {
    struct map *m = map_new(a, r->map->n_pairs);
    struct buf json = BUF_IN(a);
    for (size_t i = 0; i < r->map->n_pairs; i++) {
        const struct import_pair *p = &r->map->pair[i];
        struct str text = row->field[p->column];
        struct value v;
        if (!text.n)
            continue;
        const char *wrong = read_value(r, a, r->types[i], text, &v);
        if (wrong)
            return refuse(e, r, p->column, text, wrong);
        map_set_str(a, m, p->name, v);
    }
    json_write(&json, value_map(m));
    copy_text(out, buf_str(&json));
    return true;
}

/* ---- rows */

static bool check_key(const struct import_rows *r, const struct csv_row *row, struct err *e) {
    struct str key = cell(r, row, FIELD_KEY);
    int column = r->map->column[FIELD_KEY];
    if (!key.n)
        return err_set(e, ERR_INPUT, "column `%.*s` is empty: whose row is it?",
                       STR_FMT(r->map->header[column]));
    return key.n <= MAX_KEY || refuse(e, r, column, key, "is longer than 255 bytes");
}

static const char *locale_problem(struct str s) {
    bool ok = s.n <= MAX_LOCALE;
    for (size_t i = 0; ok && i < s.n; i++)
        ok = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
             (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-' || s.p[i] == '_';
    return ok ? NULL : "is not a locale such as en or zh-TW";
}

static const char *timezone_problem(struct str s) {
    const struct zone *z;
    struct err ignored = ERR_INIT;
    return wallclock_zone(s, &z, &ignored) ? NULL : "is not a time zone such as Asia/Taipei";
}

static const char *email_problem(struct str s) {
    return address_problem(ADDRESS_EMAIL, s);
}

static const char *phone_problem(struct str s) {
    return address_problem(ADDRESS_PHONE, s);
}

static bool write_customer(struct import_rows *r, const struct csv_row *row, int64_t nth,
                           struct arena *a, struct buf *out, struct err *e) {
    static const struct {
        enum import_field field;
        const char *(*problem)(struct str s);
    } checked[] = {{FIELD_EMAIL, email_problem},
                   {FIELD_PHONE, phone_problem},
                   {FIELD_LOCALE, locale_problem},
                   {FIELD_TIMEZONE, timezone_problem}};
    buf_printf(out, "%lld\t", (long long)nth);
    copy_text(out, cell(r, row, FIELD_KEY));
    for (size_t i = 0; i < sizeof checked / sizeof *checked; i++) {
        struct str text = str_trim(cell(r, row, checked[i].field));
        const char *wrong = text.n ? checked[i].problem(text) : NULL;
        if (wrong)
            return refuse(e, r, r->map->column[checked[i].field], text, wrong);
        buf_add_char(out, '\t');
        copy_cell(out, text);
    }
    buf_add_char(out, '\t');
    return write_pairs(r, row, a, out, e);
}

static bool event_name(struct import_rows *r, const struct csv_row *row, struct str *out,
                       struct err *e) {
    *out = r->map->event_name;
    if (out->n)
        return true;
    int column = r->map->column[FIELD_NAME];
    *out = row->field[column];
    if (!out->n)
        return err_set(e, ERR_INPUT, "column `%.*s` is empty: what happened?",
                       STR_FMT(r->map->header[column]));
    if (out->n > MAX_KEY)
        return refuse(e, r, column, *out, "is longer than 255 bytes");
    if (own_events_reserved(*out))
        return refuse(e, r, column, *out, "begins with message., as Godwit's own events do");
    if (!str_eq(*out, buf_str(&r->types_of))) {
        buf_clear(&r->types_of);
        buf_add_str(&r->types_of, *out);
        import_map_types(r->map, *out, r->types);
    }
    return true;
}

static bool write_time(const struct import_rows *r, const struct csv_row *row, struct buf *out,
                       struct err *e) {
    int column = r->map->column[FIELD_OCCURRED_AT];
    struct str text = row->field[column];
    struct err ignored = ERR_INIT;
    int64_t seconds;
    uint32_t nanos;
    char at[48];
    if (!str_trim(text).n)
        return err_set(e, ERR_INPUT, "column `%.*s` is empty: when did it happen?",
                       STR_FMT(r->map->header[column]));
    if (!wallclock_parse(text, r->zone, &seconds, &nanos, &ignored))
        return refuse(e, r, column, text,
                      "is not a time; write it as 2026-11-21T08:00:00Z or 2026-11-21");
    wallclock_format(seconds, nanos, at, sizeof at);
    buf_printf(out, "\t%s", at);
    return true;
}

static bool write_event(struct import_rows *r, const struct csv_row *row, struct arena *a,
                        struct buf *out, struct err *e) {
    struct str name, dedupe = cell(r, row, FIELD_DEDUPE);
    if (!event_name(r, row, &name, e))
        return false;
    if (dedupe.n > MAX_KEY)
        return refuse(e, r, r->map->column[FIELD_DEDUPE], dedupe, "is longer than 255 bytes");
    copy_text(out, cell(r, row, FIELD_KEY));
    buf_add_char(out, '\t');
    copy_text(out, name);
    buf_add_char(out, '\t');
    copy_cell(out, dedupe);
    buf_printf(out, "\t%c\t", r->trigger ? '2' : '1');
    return write_pairs(r, row, a, out, e) &&
           (r->map->column[FIELD_OCCURRED_AT] < 0 || write_time(r, row, out, e));
}

bool import_row_write(struct import_rows *r, const struct csv_row *row, int64_t nth,
                      struct arena *scratch, struct buf *out, struct err *e) {
    size_t before = out->n;
    if (row->wrong)
        return err_set(e, ERR_INPUT, "%s", row->wrong);
    if (row->n != r->map->n_columns)
        return err_set(e, ERR_INPUT, "it has %zu field%s, but the first line of the file has %zu",
                       row->n, row->n == 1 ? "" : "s", r->map->n_columns);
    bool ok = check_key(r, row, e) &&
              (r->map->kind == IMPORT_CUSTOMERS ? write_customer(r, row, nth, scratch, out, e)
                                                : write_event(r, row, scratch, out, e));
    if (ok)
        buf_add_char(out, '\n');
    else
        out->n = before;
    return ok;
}
