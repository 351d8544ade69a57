/* SPDX-License-Identifier: Apache-2.0
 *
 * chance: what is left to chance in deciding follows from the installation's secret and the
 * names of the things concerned, so that it is the same on every engine and for ever
 * (base/digest.h). Private to engine/decide. Pure.
 */
#ifndef GODWIT_ENGINE_DECIDE_CHANCE_H
#define GODWIT_ENGINE_DECIDE_CHANCE_H

#include "base/str.h"

#include <stdint.h>

/* A number in 0..UINT64_MAX. `salt`: empty in tests of a workspace, which have no installation. */
uint64_t chance_of(struct str salt, const struct str *parts, size_t n);

/* An instant in now_us .. now_us + span_us; without a span now. */
int64_t chance_within(struct str salt, const struct str *parts, size_t n, int64_t now_us,
                      int64_t span_us);

#endif
