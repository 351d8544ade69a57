/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/cursor.h"

#include <assert.h>
#include <stdlib.h>

static char *copy(struct str s) {
    if (!s.n)
        return NULL;
    char *p = strndup(s.p, s.n);
    if (!p)
        abort();
    return p;
}

static bool same(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

void cursor_clear(struct cursor *c) {
    free(c->last);
    free(c->target);
    free(c->xid);
    *c = (struct cursor){0};
}

void cursor_set(struct cursor *c, struct str last, struct str target, struct str xid, int64_t id) {
    struct cursor fresh = {.last = copy(last), .target = copy(target), .xid = copy(xid), .id = id};
    cursor_clear(c);
    *c = fresh;
}

void cursor_copy(struct cursor *to, const struct cursor *from) {
    uint64_t serial = from->serial;
    cursor_set(to, str_from(from->last), str_from(from->target), str_from(from->xid), from->id);
    to->serial = serial;
}

bool cursor_eq(const struct cursor *a, const struct cursor *b) {
    return same(a->last, b->last) && same(a->target, b->target) && same(a->xid, b->xid) &&
           a->id == b->id;
}

void cursor_groups_add(struct cursor_groups *g, int shard, const struct cursor *c) {
    assert(shard >= 0 && shard < SHARDS);
    for (size_t i = 0; i < g->n; i++)
        if (cursor_eq(&g->list[i].cursor, c)) {
            g->list[i].members |= UINT64_C(1) << shard;
            return;
        }
    assert(g->n < SHARDS);
    struct cursor_group *x = &g->list[g->n++];
    *x = (struct cursor_group){.members = UINT64_C(1) << shard};
    cursor_copy(&x->cursor, c);
}

static void drop(struct cursor_groups *g, size_t i) {
    cursor_clear(&g->list[i].cursor);
    g->list[i] = g->list[--g->n];
}

void cursor_groups_remove(struct cursor_groups *g, uint64_t members) {
    for (size_t i = g->n; i-- > 0;) {
        g->list[i].members &= ~members;
        if (!g->list[i].members)
            drop(g, i);
    }
}

/* Others that stand there stay: they came while the members were being worked on. */
void cursor_groups_move(struct cursor_groups *g, uint64_t members, const struct cursor *from,
                        const struct cursor *to) {
    for (size_t i = 0; i < g->n; i++) {
        struct cursor_group *x = &g->list[i];
        uint64_t others = x->members & ~members;
        if (others == x->members || !cursor_eq(&x->cursor, from))
            continue;
        if (others) {
            assert(g->n < SHARDS);
            struct cursor_group *rest = &g->list[g->n++];
            *rest = (struct cursor_group){.members = others};
            cursor_copy(&rest->cursor, from);
        }
        x->members &= members;
        cursor_copy(&x->cursor, to);
        break;
    }
    cursor_groups_merge(g);
}

void cursor_groups_merge(struct cursor_groups *g) {
    for (size_t i = 0; i < g->n; i++)
        for (size_t j = g->n; j-- > i + 1;)
            if (cursor_eq(&g->list[i].cursor, &g->list[j].cursor)) {
                g->list[i].members |= g->list[j].members;
                if (g->list[j].cursor.serial > g->list[i].cursor.serial)
                    g->list[i].cursor.serial = g->list[j].cursor.serial;
                drop(g, j);
            }
}

void cursor_groups_clear(struct cursor_groups *g) {
    cursor_groups_remove(g, UINT64_MAX);
}
