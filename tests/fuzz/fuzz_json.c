/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes: refused with a message, or read to a value that, written, reads back
 * as the same text.
 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = arena_new(0);
    struct value v, again;
    struct err e = ERR_INIT;
    if (json_parse(a, str_of((const char *)data, size), &v, &e)) {
        struct buf once = BUF_IN(a), twice = BUF_IN(a), pretty = BUF_IN(a);
        json_write(&once, v);
        json_write_pretty(&pretty, v);
        if (!json_parse(a, buf_str(&pretty), &again, &e))
            abort();
        json_write(&twice, again);
        if (!str_eq(buf_str(&once), buf_str(&twice)))
            abort();
    } else if (e.kind != ERR_INPUT || !e.text[0]) {
        abort();
    }
    arena_free(a);
    return 0;
}
