/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/segment.h"

#include "base/arena.h"
#include "rules/condition.h"

#include <stddef.h>

struct draft {
    struct segment segment; /* first: the form's offsets are the segment's */
    const struct ynode *where, *list;
    enum { UNSEEN, OPEN, DONE } visit; /* of the search for circles */
};

static void read_where(struct form_reader *r, const struct ynode *node, void *out) {
    (void)r;
    ((struct draft *)out)->where = node;
}

static void read_list(struct form_reader *r, const struct ynode *node, void *out) {
    (void)r;
    ((struct draft *)out)->list = node;
}

const struct form segment_form = {
    .what = "a segment",
    .help = "A named group of customers",
    .fields = (const struct form_field[]){{.key = "description",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct segment, description),
                                           .help = "who they are, for people"},
                                          {.key = "where",
                                           .type = FORM_CUSTOM,
                                           .read = read_where,
                                           .schema = "{\"type\":\"string\",\"minLength\":1}",
                                           .help = "the condition in CEL that its customers fulfil",
                                           .example = "count(\"order.placed\", \"all\") >= 2"},
                                          {.key = "list",
                                           .type = FORM_CUSTOM,
                                           .read = read_list,
                                           .schema = "{\"type\":\"string\",\"minLength\":1}",
                                           .help = "instead of a condition: a file with the keys "
                                                   "of its customers, one a line",
                                           .example = "lists/guests.txt"},
                                          {.key = "tracked",
                                           .type = FORM_BOOL,
                                           .offset = offsetof(struct segment, tracked),
                                           .help = "whether entries and exits are recorded as "
                                                   "they happen"},
                                          {0}},
};

static struct draft *find(struct draft *list, size_t n, struct str name) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(list[i].segment.name, name))
            return &list[i];
    return NULL;
}

/* Entries and exits are events themselves: a segment that looks at them could flicker for ever. */
static void refuse_own_events(struct form_reader *r, const struct draft *x) {
    const struct cel_uses *uses = cel_program_uses(x->segment.program);
    for (size_t i = 0; i < uses->n_behaviour; i++)
        if (str_eq(uses->behaviour[i]->event, S(EVENT_SEGMENT_ENTERED)) ||
            str_eq(uses->behaviour[i]->event, S(EVENT_SEGMENT_LEFT)))
            form_error(r, x->where, "a segment cannot look at `%.*s`, which segments make",
                       STR_FMT(uses->behaviour[i]->event));
}

static void refuse_responded(struct form_reader *r, const struct draft *x) {
    if (!x->segment.program || !cel_program_uses(x->segment.program)->n_responses)
        return;
    ptrdiff_t at = str_find(x->where->text, S("responded"));
    struct diag *d =
        diags_add(r->d, DIAG_ERROR, ynode_place_at(r->file, x->where, at < 0 ? 0 : (size_t)at, 9),
                  r->file->source,
                  "responded() asks about a campaign's own messages, and a segment has none");
    d->hint = S("look at the events instead: `count(\"message.clicked\", \"30d\") > 0`");
}

/* Follows in_segment() from x; complains at the segment that closes a circle. */
static void find_circle(struct form_reader *r, struct draft *list, size_t n, struct draft *x) {
    x->visit = OPEN;
    const struct cel_uses *uses = x->segment.program ? cel_program_uses(x->segment.program) : NULL;
    for (size_t i = 0; uses && i < uses->n_segments; i++) {
        struct draft *next = find(list, n, uses->segments[i]);
        if (next && next->visit == OPEN)
            form_error(r, x->where,
                       "segments go in a circle: `%.*s` names `%.*s`, which depends on it",
                       STR_FMT(x->segment.name), STR_FMT(next->segment.name));
        else if (next && next->visit == UNSEEN)
            find_circle(r, list, n, next);
    }
    x->visit = DONE;
}

/* ---- lists */

#define MAX_KEYS 1000000u
#define MAX_KEY 255u /* bytes, as in the database */

static bool is_utf8(struct str s) {
    for (size_t n; s.n; s = str_sub(s, n, s.n))
        if (!(n = str_utf8(s, NULL)))
            return false;
    return true;
}

static void list_error(struct form_reader *r, struct str file, int line, const char *what) {
    diags_add(r->d, DIAG_ERROR, (struct place){.file = file, .line = line}, STR_NONE, "%s", what);
}

/* One key a line; empty lines and those that begin with # are passed over. */
static const struct map *read_keys(struct form_reader *r, struct str file, struct str text) {
    struct map *keys = map_new(r->a, 64);
    struct str rest = text, line;
    for (int n = 1; str_split(&rest, '\n', &line); n++) {
        struct str key = str_trim(line);
        if (!key.n || key.p[0] == '#')
            continue;
        if (key.n > MAX_KEY || !is_utf8(key) || memchr(key.p, 0, key.n)) {
            list_error(r, file, n, "this is no customer's key: at most 255 bytes of UTF-8");
            return keys;
        }
        if (keys->n == MAX_KEYS) {
            list_error(r, file, n, "more than a million keys; use an attribute and a condition");
            return keys;
        }
        map_set_str(r->a, keys, key, VALUE_NULL);
    }
    return keys;
}

static void load_list(struct form_reader *r, struct draft *x, const struct segment_files *files) {
    struct err e = ERR_INIT;
    struct str text;
    if (!form_want_text(r, x->list, "`list`"))
        return;
    x->segment.list = x->list->text;
    x->segment.keys = map_new(r->a, 0);
    if (!files)
        form_error(r, x->list, "a list cannot be read here");
    else if (!files->read(files->ctx, x->list->text, &text, &e))
        form_error(r, x->list, "%s", e.text);
    else
        x->segment.keys = read_keys(r, x->list->text, text);
}

/* ---- all of them */

#define MAX_SEGMENTS 10000u

static void read_one(struct form_reader *r, const struct ynode *value, struct draft *x) {
    if (value->kind == Y_SCALAR) {
        x->where = value;
        return;
    }
    form_read(r, &segment_form, value, x);
    if (x->where && x->list)
        form_error(r, x->list, "a segment has either `where` or `list`");
    else if (!x->where && !x->list && value->kind == Y_MAP)
        form_error(r, value, "a segment needs `where`, a condition, or `list`, a file of keys");
}

void segment_read(struct arena *a, const struct yamlfile *file, const struct catalog *catalog,
                  const struct segment_files *files, const struct segment **out, size_t *n,
                  struct diags *d) {
    struct form_reader r = {.a = a, .file = file, .d = d};
    *out = NULL;
    *n = 0;
    if (!file->root || !form_want_map(&r, file->root, "the list of segments"))
        return;
    if (file->root->n > MAX_SEGMENTS) {
        form_error(&r, file->root, "more than %u segments", MAX_SEGMENTS);
        return;
    }
    struct draft *list = ARENA_ARRAY(a, struct draft, file->root->n + 1);
    struct str *names = ARENA_ARRAY(a, struct str, file->root->n + 1);
    for (size_t i = 0; i < file->root->n; i++) {
        const struct ynode *key = file->root->pairs[i].key, *value = file->root->pairs[i].value;
        if (!form_want_name(&r, key, "a segment's name"))
            continue;
        struct draft *x = &list[*n];
        x->segment.name = names[(*n)++] = key->text;
        x->segment.at = ynode_place(file, key);
        read_one(&r, value, x);
        if (x->list && !x->where)
            load_list(&r, x, files);
    }
    const struct condition_scope *scope = condition_scope_new(a, catalog, names, *n, STR_NONE);
    struct segment *segments = ARENA_ARRAY(a, struct segment, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        if (!list[i].where)
            continue;
        list[i].segment.where = list[i].where->text;
        list[i].segment.program =
            condition_compile(&r, scope, list[i].where, true, "a segment's condition");
        if (list[i].segment.program)
            refuse_own_events(&r, &list[i]);
        refuse_responded(&r, &list[i]);
    }
    for (size_t i = 0; i < *n; i++) {
        if (list[i].visit == UNSEEN)
            find_circle(&r, list, *n, &list[i]);
        segments[i] = list[i].segment;
    }
    *out = segments;
}
