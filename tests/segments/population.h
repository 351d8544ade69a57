/* SPDX-License-Identifier: Apache-2.0
 *
 * population: random customers with their events, and random conditions over them.
 * Values are of the declared type mostly; missing, null, of another type, extreme,
 * not ASCII, on the edges of windows and of summer time now and then. All from one
 * seed.
 */
#ifndef GODWIT_TESTS_SEGMENTS_POPULATION_H
#define GODWIT_TESTS_SEGMENTS_POPULATION_H

#include "base/io/dbsync.h"
#include "base/str.h"

#define POPULATION_NOW_US (INT64_C(1795219200) * 1000000) /* 2026-11-21T00:00:00Z */

extern const char population_catalog[]; /* catalog.yaml */

void population_seed(uint64_t seed);
unsigned population_draw(unsigned below);

/* Writes n customers and their events into the database. */
bool population_insert(struct dbsync *db, unsigned n, struct err *e) MUST_CHECK;

/* Appends a condition, which need not compile; it may name the segments s0 ... s(n - 1). */
void population_condition(struct buf *b, unsigned n_segments);

#endif
