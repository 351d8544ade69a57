/* SPDX-License-Identifier: Apache-2.0
 *
 * arena: memory that is allocated freely and freed in one step.
 *
 * One arena per intake batch, per message in delivery, per loaded workspace.
 * Every pointer got from an arena dies with arena_free() or arena_reset().
 * Out of memory aborts. An arena belongs to one thread at a time.
 *
 * With --enable-arena-debug each allocation is a malloc of its own, so that
 * AddressSanitizer and valgrind see an overrun or a use after free.
 */
#ifndef GODWIT_BASE_ARENA_H
#define GODWIT_BASE_ARENA_H

#include <stddef.h>

struct arena;

/* A new arena whose first block holds `first` bytes (0: a default of 4 KiB). */
struct arena *arena_new(size_t first);
void arena_free(struct arena *a); /* NULL is fine */

/* Forgets all allocations; keeps the largest block, so that an arena in a
 * steady state does not call malloc at all. */
void arena_reset(struct arena *a);

/* Memory for n bytes, aligned to 16; not initialised (alloc), zeroed (zalloc). */
void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc, returns_nonnull));
void *arena_zalloc(struct arena *a, size_t n) __attribute__((malloc, returns_nonnull));

/* Zeroed memory for n things of `size` bytes; an overflow of the product aborts. */
void *arena_array(struct arena *a, size_t size, size_t n) __attribute__((malloc, returns_nonnull));

/* Grows the allocation p of `old` bytes to `n`; in place when it was the last. */
void *arena_grow(struct arena *a, void *p, size_t old, size_t n) __attribute__((returns_nonnull));

/* Has end(what) called when the arena is freed or reset, last registered first: for
 * the few foreign handles that live as long as an arena. `what` may point into it. */
void arena_at_end(struct arena *a, void (*end)(void *what), void *what);

/* Bytes handed out since the last reset: for limits. */
size_t arena_used(const struct arena *a);

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_array((a), sizeof(type), (n)))

#endif
