/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a condition apart for people: every part with its source and its value.
 * The parts are evaluated anew, which a pure language allows. Bodies of loops
 * are not taken apart, as their variables have no single value.
 */
#include "config.h"

#include "rules/cel_internal.h"

#define EXPLAIN_DEPTH 40
#define EXPLAIN_STEPS 10 /* times those of one evaluation, for all parts together */

struct explainer {
    const struct cel_program *p;
    const struct cel_activation *act;
    struct arena *arena;
    int64_t steps; /* left */
};

static void explain(struct explainer *x, const struct cel_node *n, int depth,
                    struct cel_explained *out);

static bool worth_showing(const struct cel_node *n) {
    return n && n->op != CEL_CONST && !n->has_local;
}

/* How many arguments of n may be shown as parts of it. */
static uint32_t shown_args(const struct cel_node *n) {
    switch ((enum cel_op)n->op) {
    case CEL_LOOP:
    case CEL_BIND:
    case CEL_OPTMAP:
    case CEL_OPTFLATMAP:
        return 1;
    case CEL_SELECT:
    case CEL_HAS:
    case CEL_BEHAVIOUR: /* a filter is about past events */
        return n->op != CEL_BEHAVIOUR && n->args[0]->op == CEL_BEHAVIOUR;
    default:
        return n->n_args;
    }
}

static void explain_parts(struct explainer *x, const struct cel_node *n, int depth,
                          struct cel_explained *out) {
    uint32_t count = shown_args(n);
    if (count == 0 || depth == 0)
        return;
    struct cel_explained *parts = ARENA_ARRAY(x->arena, struct cel_explained, count);
    for (uint32_t i = 0; i < count; i++)
        if (worth_showing(n->args[i]))
            explain(x, n->args[i], depth - 1, &parts[out->n_parts++]);
    out->parts = parts;
}

static void explain(struct explainer *x, const struct cel_node *n, int depth,
                    struct cel_explained *out) {
    struct cel_run run = cel_run_begin(x->p, x->act, x->arena);
    int64_t steps = run.steps;
    run.exhausted = x->steps < 0;
    struct value v = run.exhausted ? VALUE_NULL : cel_eval_node(n, &run);
    x->steps -= steps - run.steps;
    out->offset = n->offset;
    out->length = n->length;
    out->source = str_sub(x->p->source, n->offset, n->offset + n->length);
    out->failed = cel_is_error(v) || run.exhausted;
    out->missing = !run.exhausted && cel_is_error(v) && cel_error_is_absence(v);
    if (out->failed)
        out->error = cel_error_text(x->arena, run.exhausted ? cel_error(CEL_E_STEPS, n) : v);
    else
        out->value = v;
    explain_parts(x, n, depth, out);
}

const struct cel_explained *cel_explain(const struct cel_program *p,
                                        const struct cel_activation *act, struct arena *a) {
    int64_t steps = act->steps ? act->steps : CEL_STEPS;
    struct explainer x = {p, act, a, steps * EXPLAIN_STEPS};
    struct cel_explained *out = ARENA_NEW(a, struct cel_explained);
    explain(&x, p->root, EXPLAIN_DEPTH, out);
    return out;
}

/* ---- values as text */
static void write_text(struct buf *out, struct str s, bool bytes) {
    if (bytes)
        buf_add_char(out, 'b');
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '\n')
            buf_add_str(out, S("\\n"));
        else if (c < 0x20 || c == 0x7f || (bytes && c >= 0x80))
            buf_printf(out, "\\x%02x", c);
        else
            buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

static void write_value(struct buf *out, struct value v, size_t limit);

static void write_list(struct buf *out, const struct list *l, size_t limit) {
    buf_add_char(out, '[');
    for (size_t i = 0; i < l->n && out->n <= limit; i++) {
        if (i)
            buf_add_str(out, S(", "));
        write_value(out, l->v[i], limit);
    }
    buf_add_char(out, ']');
}

static void write_map(struct buf *out, const struct map *m, size_t limit) {
    buf_add_char(out, '{');
    for (size_t i = 0; i < m->n && out->n <= limit; i++) {
        if (i)
            buf_add_str(out, S(", "));
        write_value(out, m->e[i].key, limit);
        buf_add_str(out, S(": "));
        write_value(out, m->e[i].value, limit);
    }
    buf_add_char(out, '}');
}

static void write_value(struct buf *out, struct value v, size_t limit) {
    switch (v.type) {
    case V_NULL:
        buf_add_str(out, S("null"));
        break;
    case V_BOOL:
        buf_add_str(out, v.u.b ? S("true") : S("false"));
        break;
    case V_INT:
        buf_printf(out, "%lld", (long long)v.u.i);
        break;
    case V_UINT:
        buf_printf(out, "%lluu", (unsigned long long)v.u.u);
        break;
    case V_DOUBLE: {
        size_t from = out->n;
        cel_format_double(out, v.u.d, true);
        if (!memchr(out->p + from, '.', out->n - from) &&
            !memchr(out->p + from, 'e', out->n - from) &&
            !memchr(out->p + from, 'n', out->n - from) &&
            !memchr(out->p + from, 'N', out->n - from))
            buf_add_str(out, S(".0"));
        break;
    }
    case V_STRING:
    case V_BYTES: {
        struct str s = value_text(v);
        size_t room = limit > out->n ? limit - out->n : 0;
        size_t n = s.n < room ? s.n : room;
        while (v.type == V_STRING && n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
            n--;
        write_text(out, str_sub(s, 0, n), v.type == V_BYTES);
        if (n < s.n)
            buf_add_str(out, S("..."));
        break;
    }
    case V_LIST:
        write_list(out, v.u.list, limit);
        break;
    case V_MAP:
        write_map(out, v.u.map, limit);
        break;
    case V_TIMESTAMP:
    case V_DURATION: {
        struct buf text = BUF_HEAP;
        cel_format_time(&text, v);
        buf_printf(out, "%s(\"%.*s\")", v.type == V_DURATION ? "duration" : "timestamp",
                   STR_FMT(buf_str(&text)));
        buf_close(&text);
        break;
    }
    case CEL_V_TYPE:
        buf_add_str(out, cel_type_value_name(v));
        break;
    case CEL_V_OPTIONAL:
        if (cel_optional_value(v)) {
            buf_add_str(out, S("optional.of("));
            write_value(out, *cel_optional_value(v), limit);
            buf_add_char(out, ')');
        } else {
            buf_add_str(out, S("optional.none()"));
        }
        break;
    default:
        buf_add_str(out, S("(nothing)"));
    }
}

void cel_write_value(struct buf *out, struct value v, size_t most) {
    size_t limit = out->n + most;
    write_value(out, v, limit);
    if (out->n > limit + 16) { /* long containers: cut at a character */
        size_t n = limit;
        while (n > 0 && ((unsigned char)out->p[n] & 0xc0) == 0x80)
            n--;
        out->n = n;
        buf_add_str(out, S("..."));
    }
}
