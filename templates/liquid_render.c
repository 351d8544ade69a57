/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_render.h"

#include "base/arena.h"
#include "templates/links.h"
#include "templates/liquid_calls.h"
#include "templates/liquid_state.h"

#define DEFAULT_OUTPUT ((size_t)4 << 20)
#define DEFAULT_MEMORY ((size_t)64 << 20)
#define DEFAULT_STEPS UINT64_C(20000000)
#define DEFAULT_ITERATIONS UINT64_C(1000000)
#define DEFAULT_DEPTH 100
#define BLOCKS_MAX 600 /* blocks inside each other, over all partials: bounds the C stack */

static inline void out_add(struct buf *b, struct str s) {
    if (b->cap - b->n < s.n)
        buf_reserve(b, s.n);
    if (s.n)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
}

/* ---- writing values */
static const struct str entities[256] = {
    ['&'] = {"&amp;", 5},  ['<'] = {"&lt;", 4},   ['>'] = {"&gt;", 4},
    ['"'] = {"&quot;", 6}, ['\''] = {"&#39;", 5},
};

void liquid_escape(struct buf *out, struct str s) {
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        const struct str *e = &entities[(unsigned char)s.p[i]];
        if (!e->n)
            continue;
        out_add(out, str_of(s.p + from, i - from));
        out_add(out, *e);
        from = i + 1;
    }
    out_add(out, str_of(s.p ? s.p + from : NULL, s.n - from));
}

void liquid_output(struct render *r, struct value v, bool escape) {
    switch (v.type) {
    case V_NULL:
        return;
    case V_STRING:
        if (escape && !(v.flags & VALUE_SAFE))
            liquid_escape(r->out, value_text(v));
        else
            out_add(r->out, value_text(v));
        return;
    case V_LIST:
        for (size_t i = 0; i < v.u.list->n; i++)
            liquid_output(r, v.u.list->v[i], escape);
        return;
    case V_MAP:
        if (escape) {
            liquid_escape(r->out, liquid_text(r->arena, v));
            return;
        }
        /* fallthrough */
    default:
        liquid_write(r->out, v);
    }
}

static bool check_output(struct render *r) {
    if (r->out->n - r->out_from > r->most.output)
        return liquid_fail(r, "the text gets longer than %zu bytes", r->most.output);
    return true;
}

/* ---- variables */
static void assign(struct render *r, uint32_t symbol, struct value v) {
    struct slot *s = &r->frame->slots[symbol];
    s->assigned = v;
    s->has_assigned = true;
}

static bool capture(struct render *r, const struct block *b, struct value *out) {
    struct buf text = BUF_IN(r->arena), *outer = r->out;
    size_t outer_from = r->out_from;
    r->out = &text;
    r->out_from = 0;
    bool ok = liquid_render_block(r, b);
    r->out = outer;
    r->out_from = outer_from;
    *out = value_str(text.n ? buf_str(&text) : S(""));
    if (r->template->html)
        out->flags = VALUE_SAFE;
    return ok;
}

static bool count(struct render *r, const struct node *n) {
    struct slot *s = &r->frame->slots[n->n];
    struct arena *a = r->arena;
    struct err e = ERR_INIT;
    struct number sum;
    if (!s->has_data) {
        const struct value *v =
            r->frame->data ? map_get(r->frame->data, r->set->names->v[n->n]) : NULL;
        s->data = v ? *v : VALUE_NULL;
        s->has_data = true;
    }
    struct value before = liquid_truthy(s->data) ? s->data : value_int(0);
    if (!liquid_is_number(before))
        return liquid_fail(r, "`%.*s` is %s and cannot be counted up or down",
                           STR_FMT(value_text(r->set->names->v[n->n])), liquid_kind(before));
    if (!number_apply(a, NUMBER_ADD, liquid_number(a, before),
                      number_from_int(a, n->kind == NODE_INCREMENT ? 1 : -1), &sum, &e))
        return liquid_fail(r, "%s", e.text);
    s->data = number_value(a, sum);
    liquid_write(r->out, n->kind == NODE_INCREMENT ? before : s->data);
    return true;
}

/* ---- branches */
static bool render_if(struct render *r, const struct node *n) {
    for (uint32_t i = 0; i < n->n; i++) {
        const struct branch *b = &n->u.branches[i];
        bool yes = true;
        if (b->when) {
            if (!liquid_eval_when(r, b->when, &yes))
                return false;
            yes = yes != (i == 0 && n->inverted);
        }
        if (yes)
            return liquid_render_block(r, &b->body);
    }
    return true;
}

/* Every `when` that fits is rendered, and `else` as long as none did before it. */
static bool render_case(struct render *r, const struct node *n) {
    bool any = false;
    for (uint32_t i = 0; i < n->n; i++) {
        const struct branch *b = &n->u.branches[i];
        bool yes = !any;
        if (b->when && !liquid_eval_when(r, b->when, &yes))
            return false;
        if (!yes)
            continue;
        if (!liquid_render_block(r, &b->body))
            return false;
        any = any || b->when;
    }
    return true;
}

static bool render_cycle(struct render *r, const struct node *n) {
    const struct cycle *c = n->u.cycle;
    struct frame *f = r->frame;
    struct value key = c->key, v = VALUE_NULL;
    if (c->name && !liquid_eval(r, c->name, &key))
        return false;
    struct buf name = BUF_IN(r->arena);
    buf_printf(&name, "%u:", key.type);
    liquid_inspect(&name, key);
    if (!f->cycles)
        f->cycles = map_new(r->arena, 4);
    const struct value *at = map_get_str(f->cycles, buf_str(&name));
    int64_t i = at ? at->u.i : 0;
    if (i < c->n && !liquid_eval(r, &c->items[i], &v))
        return false;
    liquid_output(r, v, n->escape);
    map_set_str(r->arena, f->cycles, buf_str(&name), value_int(i + 1 >= c->n ? 0 : i + 1));
    return true;
}

static bool render_ifchanged(struct render *r, const struct node *n) {
    struct value v;
    if (!capture(r, n->u.body, &v))
        return false;
    if (r->frame->changed.type == V_STRING && str_eq(value_text(r->frame->changed), value_text(v)))
        return true;
    r->frame->changed = v;
    out_add(r->out, value_text(v));
    return true;
}

/* A link: its address is rendered aside, then replaced. Without a callback it is text. */
static bool render_link(struct render *r, const struct node *n) {
    const struct link_node *link = n->u.link;
    bool html = r->template->html;
    struct value v;
    if (!r->params->on_link)
        return liquid_render_block(r, &link->url);
    if (!capture(r, &link->url, &v))
        return false;
    struct str url = html ? links_unescape(r->arena, value_text(v)) : value_text(v);
    url = str_trim(url);
    if (!links_trackable(url)) {
        out_add(r->out, value_text(v));
        return true;
    }
    struct buf instead = BUF_IN(r->arena);
    r->params->on_link(r->params->link_context, r->links++, url, &instead);
    if (html)
        liquid_escape(r->out, buf_str(&instead));
    else
        out_add(r->out, buf_str(&instead));
    return true;
}

static bool render_captured(struct render *r, const struct node *n) {
    struct value v;
    if (!capture(r, n->u.body, &v))
        return false;
    assign(r, n->n, v);
    return true;
}

static bool render_assign(struct render *r, const struct node *n) {
    struct value v;
    if (!liquid_eval_piped(r, n->u.piped, &v))
        return false;
    assign(r, n->n, v);
    return true;
}

static bool render_output(struct render *r, const struct node *n) {
    struct value v;
    if (!liquid_eval_piped(r, n->u.piped, &v))
        return false;
    liquid_output(r, v, n->escape);
    return true;
}

static bool render_node(struct render *r, const struct node *n) {
    switch ((enum node_kind)n->kind) {
    case NODE_OUTPUT:
        return render_output(r, n);
    case NODE_IF:
        return render_if(r, n);
    case NODE_ASSIGN:
        return render_assign(r, n);
    case NODE_FOR:
        return liquid_render_for(r, n);
    case NODE_LINK:
        return render_link(r, n);
    case NODE_CAPTURE:
        return render_captured(r, n);
    case NODE_CASE:
        return render_case(r, n);
    case NODE_TABLEROW:
        return liquid_render_tablerow(r, n);
    case NODE_CYCLE:
        return render_cycle(r, n);
    case NODE_INCREMENT:
    case NODE_DECREMENT:
        return count(r, n);
    case NODE_INCLUDE:
        return liquid_render_include(r, n);
    case NODE_RENDER:
        return liquid_render_partial(r, n);
    case NODE_IFCHANGED:
        return render_ifchanged(r, n);
    case NODE_BREAK:
        liquid_interrupt(r, true);
        return true;
    case NODE_CONTINUE:
        liquid_interrupt(r, false);
        return true;
    case NODE_NOTHING:
    case NODE_TEXT:
    case NODE_RAW:
        break;
    }
    return true;
}

bool liquid_render_block(struct render *r, const struct block *b) {
    r->steps += b->n;
    if (r->steps > r->most.steps)
        return liquid_work(r, 0);
    if (++r->depth > BLOCKS_MAX)
        return liquid_fail(r, "more than %d blocks are open inside each other", BLOCKS_MAX);
    for (uint32_t i = 0; i < b->n; i++) {
        const struct node *n = &b->nodes[i];
        if (n->kind == NODE_TEXT || n->kind == NODE_RAW) {
            out_add(r->out, n->u.text);
            continue;
        }
        r->at = n->at;
        if (!render_node(r, n))
            return false;
        if (r->out->n - r->out_from > r->most.output)
            return check_output(r);
        if (r->interrupts.n)
            break;
    }
    r->depth--;
    return check_output(r);
}

struct frame *liquid_frame(struct render *r, const struct map *data) {
    struct frame *f = ARENA_NEW(r->arena, struct frame);
    f->set = r->set;
    f->data = data;
    f->slots = ARENA_ARRAY(r->arena, struct slot, r->set->names->n);
    f->resume = ARENA_ARRAY(r->arena, int64_t, r->set->loops->n + 1);
    return f;
}

static struct liquid_limits with_defaults(struct liquid_limits l) {
    l.output = l.output ? l.output : DEFAULT_OUTPUT;
    l.memory = l.memory ? l.memory : DEFAULT_MEMORY;
    l.steps = l.steps ? l.steps : DEFAULT_STEPS;
    l.iterations = l.iterations ? l.iterations : DEFAULT_ITERATIONS;
    l.depth = l.depth ? l.depth : DEFAULT_DEPTH;
    return l;
}

bool liquid_render(const struct liquid_set *set, const struct liquid_template *t,
                   const struct liquid_params *p, struct buf *out, struct err *e,
                   struct liquid_place *place) {
    struct render r = {.set = set,
                       .params = p,
                       .template = t,
                       .arena = p->arena,
                       .out = out,
                       .out_from = out->n,
                       .err = e,
                       .place = place,
                       .most = with_defaults(p->limits),
                       .arena_base = arena_used(p->arena)};
    r.frame = liquid_frame(&r, p->data);
    if (!t->usable) {
        r.at = t->error_at;
        return liquid_fail(&r, "%.*s", STR_FMT(t->error));
    }
    if (liquid_render_block(&r, &t->body))
        return true;
    out->n = r.out_from;
    return false;
}
