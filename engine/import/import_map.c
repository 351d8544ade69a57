/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/import/import_map.h"

#include "base/arena.h"
#include "rules/own_events.h"

#include <stdlib.h>

static const struct field_name {
    const char *name;
    enum import_field field;
} customer_fields[] =
    {
        {"key", FIELD_KEY},       {"email", FIELD_EMAIL},       {"phone", FIELD_PHONE},
        {"locale", FIELD_LOCALE}, {"timezone", FIELD_TIMEZONE}, {NULL, FIELDS},
},
  event_fields[] = {
      {"customer", FIELD_KEY},  {"name", FIELD_NAME}, {"occurred_at", FIELD_OCCURRED_AT},
      {"dedupe", FIELD_DEDUPE}, {NULL, FIELDS},
};

static const enum catalog_type written_types[] = {CATALOG_STRING, CATALOG_INT, CATALOG_DOUBLE,
                                                  CATALOG_BOOL, CATALOG_TIMESTAMP};
#define WRITTEN_TYPES (sizeof written_types / sizeof *written_types)

struct maker {
    struct arena *arena;
    const struct import_wish *wish;
    struct import_map *map;
    struct import_pair *pair;
    size_t cap;
};

static const struct field_name *fields_of(enum import_kind kind) {
    return kind == IMPORT_CUSTOMERS ? customer_fields : event_fields;
}

static struct str prefix_of(enum import_kind kind) {
    return kind == IMPORT_CUSTOMERS ? S("attributes.") : S("properties.");
}

/* ---- FIELD[:TYPE] */

struct target {
    enum import_field field;
    struct str name; /* of a pair */
    enum catalog_type type;
};

static bool read_type(struct str text, enum catalog_type *out, struct err *e) {
    struct str names[WRITTEN_TYPES];
    for (size_t i = 0; i < WRITTEN_TYPES; i++) {
        names[i] = str_from(catalog_type_name(written_types[i]));
        if (str_eq(text, names[i])) {
            *out = written_types[i];
            return true;
        }
    }
    struct str near = str_nearest(text, names, WRITTEN_TYPES);
    return err_set(e, ERR_INPUT,
                   "`%.*s` is no type%s%.*s%s; there are string, int, double, bool "
                   "and timestamp",
                   STR_FMT(text), near.n ? " (did you mean `" : "", STR_FMT(near),
                   near.n ? "`?)" : "");
}

static bool no_such_field(const struct maker *m, struct str text, struct err *e) {
    struct str names[8];
    size_t n = 0;
    for (const struct field_name *f = fields_of(m->wish->kind); f->name; f++)
        names[n++] = str_from(f->name);
    struct str near = str_nearest(text, names, n);
    if (near.n)
        return err_set(e, ERR_INPUT, "there is no field `%.*s`; did you mean `%.*s`?",
                       STR_FMT(text), STR_FMT(near));
    if (m->wish->kind == IMPORT_CUSTOMERS)
        return err_set(e, ERR_INPUT,
                       "there is no field `%.*s`; customers have key, email, phone, locale, "
                       "timezone and attributes.NAME",
                       STR_FMT(text));
    return err_set(e, ERR_INPUT,
                   "there is no field `%.*s`; events have customer, name, occurred_at, dedupe and "
                   "properties.NAME",
                   STR_FMT(text));
}

/* Splits "NAME:TYPE"; *type is untouched where there is none. */
static bool split_type(struct str *name, enum catalog_type *type, struct err *e) {
    for (size_t i = name->n; i-- > 0;)
        if (name->p[i] == ':') {
            struct str text = str_sub(*name, i + 1, name->n);
            name->n = i;
            return read_type(text, type, e);
        }
    return true;
}

static bool own_type(struct str name, enum import_field field, enum catalog_type type,
                     struct err *e) {
    enum catalog_type own = field == FIELD_OCCURRED_AT ? CATALOG_TIMESTAMP : CATALOG_STRING;
    return type == own || err_set(e, ERR_INPUT, "`%.*s` is of type %s, not %s", STR_FMT(name),
                                  catalog_type_name(own), catalog_type_name(type));
}

static bool read_target(const struct maker *m, struct str text, struct target *out, struct err *e) {
    struct str prefix = prefix_of(m->wish->kind), name = text;
    *out = (struct target){.field = FIELDS};
    if (str_starts(text, prefix) && text.n > prefix.n) {
        out->field = FIELD_PAIR;
        out->name = str_sub(text, prefix.n, text.n);
        if (!split_type(&out->name, &out->type, e))
            return false;
        return out->name.n > 0 || no_such_field(m, text, e);
    }
    enum catalog_type none = out->type;
    struct err not_a_type = ERR_INIT;
    bool typed = split_type(&name, &out->type, &not_a_type);
    for (const struct field_name *f = fields_of(m->wish->kind); f->name; f++) {
        if (!str_eq(name, str_from(f->name)))
            continue;
        out->field = f->field;
        if (!typed)
            return err_set(e, ERR_INPUT, "%s", not_a_type.text);
        return out->type == none || own_type(name, f->field, out->type, e);
    }
    return no_such_field(m, text, e);
}

/* ---- columns */

static bool find_column(const struct import_map *map, struct str name, int *out, struct err *e) {
    *out = -1;
    for (size_t i = 0; i < map->n_columns; i++) {
        if (!str_eq(map->header[i], name))
            continue;
        if (*out >= 0)
            return err_set(e, ERR_INPUT,
                           "two columns are named `%.*s`; rename one in the first line of the file",
                           STR_FMT(name));
        *out = (int)i;
    }
    if (*out >= 0)
        return true;
    struct str near = str_nearest(name, map->header, map->n_columns);
    if (near.n)
        return err_set(e, ERR_INPUT, "the file has no column `%.*s`; did you mean `%.*s`?",
                       STR_FMT(name), STR_FMT(near));
    struct buf all = BUF_HEAP;
    for (size_t i = 0; i < map->n_columns && all.n < 400; i++)
        buf_printf(&all, "%s%.*s", i ? ", " : "", STR_FMT(map->header[i]));
    err_set(e, ERR_INPUT, "the file has no column `%.*s`; it has: %s", STR_FMT(name),
            buf_cstr(&all));
    buf_close(&all);
    return false;
}

static bool add(struct maker *m, const struct target *t, int column, struct err *e) {
    struct import_map *map = m->map;
    if (t->field != FIELD_PAIR) {
        if (map->column[t->field] >= 0)
            return err_set(e, ERR_INPUT, "a field is taken from two columns (`%.*s` and `%.*s`)",
                           STR_FMT(map->header[map->column[t->field]]),
                           STR_FMT(map->header[column]));
        map->column[t->field] = column;
        return true;
    }
    for (size_t i = 0; i < map->n_pairs; i++)
        if (str_eq(m->pair[i].name, t->name))
            return err_set(e, ERR_INPUT, "`%.*s%.*s` is taken from two columns",
                           STR_FMT(prefix_of(map->kind)), STR_FMT(t->name));
    m->pair[map->n_pairs++] = (struct import_pair){str_dup(m->arena, t->name), t->type, column};
    return true;
}

static bool take_option(struct maker *m, struct str text, struct err *e) {
    struct str left, right = text;
    struct target t;
    int column;
    if (!str_split(&right, '=', &left) || !left.n || !right.n)
        return err_set(e, ERR_INPUT, "--map %.*s: write FIELD=COLUMN, such as --map %s=id",
                       STR_FMT(text), fields_of(m->wish->kind)->name);
    return (read_target(m, left, &t, e) && find_column(m->map, right, &column, e) &&
            add(m, &t, column, e)) ||
           err_context(e, "--map %.*s", STR_FMT(text));
}

/* Columns that are named like fields; the others stay where they are. */
static bool take_by_name(struct maker *m, struct err *e) {
    for (size_t i = 0; i < m->map->n_columns; i++) {
        struct err not_a_field = ERR_INIT;
        struct target t;
        int column;
        struct str name = m->map->header[i];
        if (!read_target(m, name, &t, &not_a_field)) {
            if (str_starts(name, prefix_of(m->wish->kind)))
                return err_set(e, ERR_INPUT, "column `%.*s`: %s", STR_FMT(name), not_a_field.text);
            continue;
        }
        if (t.field == FIELD_NAME && m->wish->event_name.n)
            continue;
        if (!find_column(m->map, name, &column, e) || !add(m, &t, column, e))
            return false;
    }
    return true;
}

/* A file that is not what it should be shows it in its first line. */
static bool looks_like_csv(const struct import_map *map, struct err *e) {
    struct str only = map->n_columns == 1 ? map->header[0] : S("");
    const char *other = str_find(only, S(";")) >= 0    ? "semicolons"
                        : str_find(only, S("\t")) >= 0 ? "tabs"
                                                       : NULL;
    return !other || err_set(e, ERR_INPUT,
                             "the columns are separated by %s; save the file with commas", other);
}

static bool complete(const struct maker *m, struct err *e) {
    const struct import_map *map = m->map;
    const char *key = fields_of(map->kind)->name;
    if (map->column[FIELD_KEY] < 0)
        return err_set(e, ERR_INPUT,
                       "no column says which customer a row is about; add --map %s=COLUMN", key);
    if (map->kind == IMPORT_EVENTS && map->column[FIELD_NAME] < 0 && !map->event_name.n)
        return err_set(e, ERR_INPUT,
                       "no column says what happened; add --name EVENT or --map name=COLUMN");
    if (map->column[FIELD_NAME] >= 0 && map->event_name.n)
        return err_set(e, ERR_INPUT, "give --name or --map name=COLUMN, not both");
    return !own_events_reserved(map->event_name) ||
           err_set(e, ERR_INPUT, "--name: events whose name begins with message. are Godwit's own");
}

bool import_map_make(struct arena *a, const struct import_wish *wish, const struct str *header,
                     size_t n_columns, struct import_map *out, struct err *e) {
    struct str *names = ARENA_ARRAY(a, struct str, n_columns);
    size_t cap = wish->n_maps > n_columns ? wish->n_maps : n_columns;
    struct maker m = {.arena = a, .wish = wish, .map = out};
    m.pair = ARENA_ARRAY(a, struct import_pair, cap);
    *out = (struct import_map){.kind = wish->kind,
                               .header = names,
                               .n_columns = n_columns,
                               .event_name = str_dup(a, wish->event_name),
                               .pair = m.pair,
                               .catalog = wish->catalog};
    for (int i = 0; i < FIELDS; i++)
        out->column[i] = -1;
    for (size_t i = 0; i < n_columns; i++)
        names[i] = str_dup(a, str_trim(header[i]));
    if (!looks_like_csv(out, e))
        return false;
    for (size_t i = 0; i < wish->n_maps; i++)
        if (!take_option(&m, wish->maps[i], e))
            return false;
    return (wish->n_maps || take_by_name(&m, e)) && complete(&m, e);
}

/* ---- */

void import_map_types(const struct import_map *map, struct str name, enum catalog_type *types) {
    const struct catalog_event *event =
        map->kind == IMPORT_EVENTS ? catalog_event(map->catalog, name) : NULL;
    for (size_t i = 0; i < map->n_pairs; i++) {
        const struct import_pair *p = &map->pair[i];
        const struct catalog_field *f = NULL;
        if (map->kind == IMPORT_CUSTOMERS)
            f = catalog_attribute(map->catalog, p->name);
        else if (event)
            f = catalog_property(event, p->name);
        types[i] = p->type != CATALOG_ANY ? p->type : f ? f->type : CATALOG_ANY;
        if (types[i] == CATALOG_ANY)
            types[i] = CATALOG_STRING;
    }
}

struct str import_map_describe(struct arena *a, const struct import_map *map) {
    struct buf b = BUF_IN(a);
    enum catalog_type *types = ARENA_ARRAY(a, enum catalog_type, map->n_pairs + 1);
    import_map_types(map, map->event_name, types);
    for (const struct field_name *f = fields_of(map->kind); f->name; f++)
        if (map->column[f->field] >= 0)
            buf_printf(&b, "%s%s from %.*s", b.n ? ", " : "", f->name,
                       STR_FMT(map->header[map->column[f->field]]));
    for (size_t i = 0; i < map->n_pairs; i++) {
        bool by_event =
            map->kind == IMPORT_EVENTS && !map->event_name.n && map->pair[i].type == CATALOG_ANY;
        buf_printf(&b, ", %.*s%.*s (%s) from %.*s", STR_FMT(prefix_of(map->kind)),
                   STR_FMT(map->pair[i].name), by_event ? "by event" : catalog_type_name(types[i]),
                   STR_FMT(map->header[map->pair[i].column]));
    }
    return buf_str(&b);
}
