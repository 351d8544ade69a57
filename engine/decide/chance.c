/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/chance.h"

#include "base/digest.h"

uint64_t chance_of(struct str salt, const struct str *parts, size_t n) {
    return digest_chance(salt.n ? salt : S("-"), parts, n);
}

int64_t chance_within(struct str salt, const struct str *parts, size_t n, int64_t now_us,
                      int64_t span_us) {
    return span_us > 0 ? now_us + (int64_t)(chance_of(salt, parts, n) % (uint64_t)span_us) : now_us;
}
