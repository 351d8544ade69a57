/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/links.h"

#include "base/arena.h"
#include "templates/liquid_lex.h"

#include <ctype.h>

struct finder {
    struct arena *arena;
    bool html;
    uint32_t n;
    /* where in HTML the text is */
    enum { OUTSIDE, IN_ANCHOR, IN_OTHER_TAG, IN_COMMENT } state;
};

/* The nodes of a block as they will be. */
struct rebuilt {
    struct arena *arena;
    struct node *nodes;
    uint32_t n, cap;
};

static void add(struct rebuilt *b, struct node n) {
    if (n.kind == NODE_TEXT && n.u.text.n == 0)
        return;
    if (b->n == b->cap) {
        uint32_t cap = b->cap ? b->cap * 2 : 4;
        b->nodes = arena_grow(b->arena, b->nodes, b->cap * sizeof n, cap * sizeof n);
        b->cap = cap;
    }
    b->nodes[b->n++] = n;
}

static void add_text(struct rebuilt *b, const struct node *like, struct str text) {
    struct node n = *like;
    n.u.text = text;
    add(b, n);
}

static void add_link(struct finder *f, struct rebuilt *b, struct rebuilt *url, uint32_t at) {
    struct link_node *link = ARENA_NEW(f->arena, struct link_node);
    f->n++;
    link->url = (struct block){.n = url->n, .nodes = url->nodes};
    add(b, (struct node){.kind = NODE_LINK, .at = at, .u.link = link});
}

static bool is_text(const struct node *n) {
    return n->kind == NODE_TEXT || n->kind == NODE_RAW;
}

/* Takes the nodes of an address that begins at text[from] of node *i and ends where `end`
 * says in some text; false (nothing taken) when it does not end in this block. On success
 * *i and *from are where to go on. */
static bool take_address(struct finder *f, const struct block *block, uint32_t *i, size_t *from,
                         size_t (*end)(struct str s, char quote), char quote, struct rebuilt *url) {
    uint32_t k = *i;
    size_t start = *from;
    *url = (struct rebuilt){.arena = f->arena};
    for (; k < block->n; k++, start = 0) {
        const struct node *n = &block->nodes[k];
        if (!is_text(n)) {
            if (n->kind != NODE_OUTPUT && quote == 0) { /* text: only outputs continue it */
                *i = k;
                *from = 0;
                return true;
            }
            add(url, *n);
            continue;
        }
        struct str rest = str_sub(n->u.text, start, n->u.text.n);
        size_t stop = end(rest, quote);
        add_text(url, n, str_sub(rest, 0, stop));
        if (stop < rest.n) {
            *i = k;
            *from = start + stop;
            return true;
        }
    }
    *i = k;
    *from = 0;
    return quote == 0; /* an address in text may be the last thing */
}

/* ---- HTML */
static size_t to_quote(struct str s, char quote) {
    const char *hit = s.n ? memchr(s.p, quote, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : s.n;
}

/* `href="` or `href='` at the start of s: its length. */
static size_t href(struct str s, char *quote) {
    if (!str_eq_nocase(str_sub(s, 0, 4), S("href")))
        return 0;
    size_t i = 4 + lax_spaces(str_sub(s, 4, s.n));
    if (i >= s.n || s.p[i] != '=')
        return 0;
    i++;
    i += lax_spaces(str_sub(s, i, s.n));
    if (i >= s.n || (s.p[i] != '"' && s.p[i] != '\''))
        return 0;
    *quote = s.p[i];
    return i + 1;
}

/* Follows the text up to an href of an anchor, whose address begins at the offset returned
 * (it may be the end of the text); SIZE_MAX when there is none. */
static size_t next_href(struct finder *f, struct str s, size_t i, char *quote) {
    for (; i < s.n; i++) {
        struct str here = str_sub(s, i, s.n);
        if (f->state == IN_COMMENT) {
            if (str_starts(here, S("-->")))
                f->state = OUTSIDE;
        } else if (f->state == OUTSIDE) {
            if (str_starts(here, S("<!--")))
                f->state = IN_COMMENT;
            else if (here.n > 2 && (here.p[1] | 0x20) == 'a' && liquid_space(here.p[2]) &&
                     here.p[0] == '<')
                f->state = IN_ANCHOR;
            else if (here.p[0] == '<' && here.n > 1 && isalpha((unsigned char)here.p[1]))
                f->state = IN_OTHER_TAG;
        } else if (s.p[i] == '>') {
            f->state = OUTSIDE;
        } else if (f->state == IN_ANCHOR && (i == 0 || liquid_space(s.p[i - 1]))) {
            size_t n = href(here, quote);
            if (n)
                return i + n;
        }
    }
    return SIZE_MAX;
}

/* ---- text */
static bool ends_address(char c) {
    return liquid_space(c) || (c && strchr("<>\"'`{}|\\^", c));
}

static size_t to_space(struct str s, char quote) {
    (void)quote;
    size_t n = 0;
    while (n < s.n && !ends_address(s.p[n]))
        n++;
    if (n == s.n)
        return n;
    while (n && strchr(".,;:!?)]", s.p[n - 1])) /* the end of the sentence, not of the address */
        n--;
    return n;
}

static size_t next_address(struct str s, size_t i) {
    for (; i < s.n; i++) {
        struct str here = str_sub(s, i, s.n);
        if (s.p[i] == 'h' && (str_starts(here, S("http://")) || str_starts(here, S("https://"))))
            return i;
    }
    return SIZE_MAX;
}

static bool named_address(const struct node *n) {
    if (n->kind != NODE_OUTPUT || n->u.piped->expr.kind != EXPR_PATH ||
        n->u.piped->expr.nsteps == 0)
        return false;
    const struct expr *e = &n->u.piped->expr;
    struct str name = e->steps[e->nsteps - 1].name;
    return !e->steps[e->nsteps - 1].key &&
           (str_eq(name, S("url")) || str_eq(name, S("link")) || str_ends(name, S("_url")) ||
            str_ends(name, S("_link")));
}

/* ---- both */
static void find_in_block(struct finder *f, struct block *b);

/* The values of one `when` share a body, which is done once. */
static void find_in_branches(struct finder *f, struct node *n) {
    const struct node *before = NULL;
    for (uint32_t i = 0; i < n->n; i++) {
        struct block *body = &n->u.branches[i].body;
        bool same = i && body->nodes && body->nodes == before;
        before = body->nodes;
        if (same)
            *body = n->u.branches[i - 1].body;
        else
            find_in_block(f, body);
    }
}

static void find_inside(struct finder *f, struct node *n) {
    switch (n->kind) {
    case NODE_IF:
    case NODE_CASE:
        find_in_branches(f, n);
        break;
    case NODE_FOR:
    case NODE_TABLEROW:
        find_in_block(f, &n->u.loop->body);
        find_in_block(f, &n->u.loop->otherwise);
        break;
    case NODE_CAPTURE: /* may be used anywhere, or not at all */
    default:
        break;
    }
}

/* Goes on in a text node from `from`; moves *i on when an address took more nodes. */
static void find_in_text(struct finder *f, const struct block *b, struct rebuilt *out,
                         uint32_t *i) {
    size_t from = 0;
    while (*i < b->n && is_text(&b->nodes[*i])) {
        const struct node *n = &b->nodes[*i];
        struct str s = n->u.text;
        char quote = 0;
        size_t at = f->html ? next_href(f, s, from, &quote) : next_address(s, from);
        add_text(out, n, str_sub(s, from, at));
        if (at == SIZE_MAX)
            return;
        struct rebuilt url;
        uint32_t k = *i;
        size_t start = at;
        if (!take_address(f, b, &k, &start, f->html ? to_quote : to_space, quote, &url)) {
            add_text(out, n, str_sub(s, at, s.n));
            return;
        }
        add_link(f, out, &url, n->at);
        if (k >= b->n || !is_text(&b->nodes[k])) {
            *i = k - 1; /* the caller steps on to the node that ended it */
            return;
        }
        *i = k;
        from = start;
    }
}

static void find_in_block(struct finder *f, struct block *b) {
    struct rebuilt out = {.arena = f->arena};
    for (uint32_t i = 0; i < b->n; i++) {
        struct node *n = &b->nodes[i];
        if (is_text(n)) {
            find_in_text(f, b, &out, &i);
        } else if (!f->html && named_address(n)) {
            struct rebuilt url = {.arena = f->arena};
            add(&url, *n);
            add_link(f, &out, &url, n->at);
        } else {
            struct node copy = *n;
            find_inside(f, &copy);
            add(&out, copy);
        }
    }
    b->nodes = out.nodes;
    b->n = out.n;
}

uint32_t links_find(struct arena *a, struct liquid_template *t) {
    struct finder f = {.arena = a, .html = t->html};
    find_in_block(&f, &t->body);
    t->nlinks = f.n;
    return f.n;
}

bool links_trackable(struct str url) {
    return str_starts(url, S("https://")) || str_starts(url, S("http://"));
}

struct str links_unescape(struct arena *a, struct str html) {
    static const struct {
        struct str entity;
        char c;
    } table[] = {{{"&amp;", 5}, '&'},
                 {{"&lt;", 4}, '<'},
                 {{"&gt;", 4}, '>'},
                 {{"&quot;", 6}, '"'},
                 {{"&#39;", 5}, '\''}};
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < html.n;) {
        size_t n = 0;
        for (size_t k = 0; html.p[i] == '&' && !n && k < sizeof table / sizeof *table; k++)
            if (str_starts(str_sub(html, i, html.n), table[k].entity)) {
                n = table[k].entity.n;
                buf_add_char(&b, table[k].c);
            }
        if (!n)
            buf_add_char(&b, html.p[i]);
        i += n ? n : 1;
    }
    return b.n ? buf_str(&b) : S("");
}
