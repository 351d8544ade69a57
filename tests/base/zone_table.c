/* SPDX-License-Identifier: Apache-2.0
 *
 * For zones.py: answers lines "ZONE utc SECONDS" with the offset and the
 * abbreviation, and "ZONE local SECONDS" (a local time as if it were UTC) with
 * the instant.
 */
#include "config.h"

#include "base/wallclock.h"

#include <inttypes.h>
#include <stdio.h>

static bool answer(struct str line) {
    struct str name, what;
    const struct zone *z;
    struct err e = ERR_INIT;
    struct civil c;
    int64_t t;
    if (!str_split(&line, ' ', &name) || !str_split(&line, ' ', &what) || !str_to_int64(line, &t))
        return false;
    if (!wallclock_zone(name, &z, &e)) {
        puts("unknown");
    } else if (str_eq(what, S("utc"))) {
        wallclock_local(z, t, &c);
        printf("%d %s\n", c.offset, c.zone);
    } else {
        wallclock_utc(t, &c);
        printf("%" PRId64 "\n", wallclock_from_local(z, &c));
    }
    return true;
}

int main(void) {
    char line[256];
    while (fgets(line, sizeof line, stdin))
        if (!answer(str_trim(str_from(line))))
            return 1;
    return 0;
}
