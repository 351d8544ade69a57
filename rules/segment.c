/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/segment.h"

#include "base/arena.h"
#include "rules/condition.h"

#include <stddef.h>

struct draft {
    struct segment segment; /* first: the form's offsets are the segment's */
    const struct ynode *where;
    enum { UNSEEN, OPEN, DONE } visit; /* of the search for circles */
};

static void read_where(struct form_reader *r, const struct ynode *node, void *out) {
    (void)r;
    ((struct draft *)out)->where = node;
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
                                           .required = true,
                                           .read = read_where,
                                           .schema = "{\"type\":\"string\",\"minLength\":1}",
                                           .help = "the condition in CEL that its customers fulfil",
                                           .example = "count(\"order.placed\", \"all\") >= 2"},
                                          {0}},
};

static struct draft *find(struct draft *list, size_t n, struct str name) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(list[i].segment.name, name))
            return &list[i];
    return NULL;
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

#define MAX_SEGMENTS 10000u

void segment_read(struct arena *a, const struct yamlfile *file, const struct catalog *catalog,
                  const struct segment **out, size_t *n, struct diags *d) {
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
        if (value->kind == Y_SCALAR)
            x->where = value;
        else
            form_read(&r, &segment_form, value, x);
    }
    const struct condition_scope *scope = condition_scope_new(a, catalog, names, *n, STR_NONE);
    struct segment *segments = ARENA_ARRAY(a, struct segment, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        if (!list[i].where)
            continue;
        list[i].segment.where = list[i].where->text;
        list[i].segment.program =
            condition_compile(&r, scope, list[i].where, true, "a segment's condition");
    }
    for (size_t i = 0; i < *n; i++) {
        if (list[i].visit == UNSEEN)
            find_circle(&r, list, *n, &list[i]);
        segments[i] = list[i].segment;
    }
    *out = segments;
}
