/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16u
#define DEFAULT_FIRST 4096u
#define MAX_BLOCK (1u << 20)

struct block {
    struct block *next;
    size_t size; /* bytes in data */
    size_t used;
    size_t pad;
    unsigned char data[];
};

struct ending {
    struct ending *next;
    void (*end)(void *what);
    void *what;
};

struct arena {
    struct block *head; /* the block in use; older ones behind it */
    size_t first;
    size_t used; /* over all blocks */
    struct ending *endings; /* in the arena itself */
};

__attribute__((noreturn)) static void out_of_memory(size_t n) {
    fprintf(stderr, "godwit: out of memory (asked for %zu bytes)\n", n);
    abort();
}

static struct block *block_new(size_t size) {
    if (size > SIZE_MAX / 4)
        out_of_memory(size);
    struct block *b = malloc(sizeof *b + size);
    if (!b)
        out_of_memory(size);
    b->next = NULL;
    b->size = size;
    b->used = 0;
    return b;
}

struct arena *arena_new(size_t first) {
    struct arena *a = calloc(1, sizeof *a);
    if (!a)
        out_of_memory(sizeof *a);
    a->first = first ? first : DEFAULT_FIRST;
    return a;
}

static void free_blocks(struct block *b) {
    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

static void run_endings(struct arena *a) {
    for (struct ending *e = a->endings; e; e = e->next)
        e->end(e->what);
    a->endings = NULL;
}

void arena_at_end(struct arena *a, void (*end)(void *what), void *what) {
    struct ending *e = arena_alloc(a, sizeof *e);
    *e = (struct ending){a->endings, end, what};
    a->endings = e;
}

void arena_free(struct arena *a) {
    if (!a)
        return;
    run_endings(a);
    free_blocks(a->head);
    free(a);
}

void arena_reset(struct arena *a) {
    run_endings(a);
    struct block *keep = NULL;
#ifndef ARENA_DEBUG
    for (struct block *b = a->head; b; b = b->next)
        if (b->size <= MAX_BLOCK && (!keep || b->size > keep->size))
            keep = b;
    for (struct block **p = &a->head; *p;) {
        struct block *b = *p;
        *p = b->next;
        if (b != keep)
            free(b);
    }
    if (keep) {
        keep->used = 0;
        keep->next = NULL;
    }
#else
    free_blocks(a->head);
#endif
    a->head = keep;
    a->used = 0;
}

#ifndef ARENA_DEBUG
static size_t next_block_size(const struct arena *a, size_t n) {
    size_t size = a->head ? a->head->size * 2 : a->first;
    if (size > MAX_BLOCK)
        size = MAX_BLOCK;
    return size < n ? n : size;
}
#endif

void *arena_alloc(struct arena *a, size_t n) {
    if (n > SIZE_MAX / 4)
        out_of_memory(n);
    a->used += n;
#ifdef ARENA_DEBUG
    struct block *own = block_new(n ? n : 1);
    own->used = n;
    own->next = a->head;
    a->head = own;
    return own->data;
#else
    size_t need = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct block *b = a->head;
    if (!b || b->size - b->used < need) {
        b = block_new(next_block_size(a, need));
        b->next = a->head;
        a->head = b;
    }
    void *p = b->data + b->used;
    b->used += need;
    return p;
#endif
}

void *arena_zalloc(struct arena *a, size_t n) {
    return memset(arena_alloc(a, n), 0, n);
}

void *arena_array(struct arena *a, size_t size, size_t n) {
    if (size && n > SIZE_MAX / size)
        out_of_memory(SIZE_MAX);
    return arena_zalloc(a, size * n);
}

void *arena_grow(struct arena *a, void *p, size_t old, size_t n) {
#ifndef ARENA_DEBUG
    struct block *b = a->head;
    size_t had = (old + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (p && b && (unsigned char *)p + had == b->data + b->used && n > old) {
        size_t need = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
        if (b->size - b->used >= need - had) {
            b->used += need - had;
            a->used += n - old;
            return p;
        }
    }
#endif
    void *q = arena_alloc(a, n);
    if (old)
        memcpy(q, p, old < n ? old : n);
    return q;
}

size_t arena_used(const struct arena *a) {
    return a->used;
}
