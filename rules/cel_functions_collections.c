/* SPDX-License-Identifier: Apache-2.0
 *
 * size() of everything that has one.
 */
#include "config.h"

#include "rules/cel_internal.h"

static struct value size(struct cel_run *run, const struct cel_node *n, const struct value *args) {
    switch (args[0].type) {
    case V_STRING:
        if (!cel_step(run, args[0].aux / 64))
            return cel_error(CEL_E_STEPS, n);
        return value_int((int64_t)cel_utf8_length(value_text(args[0])));
    case V_BYTES:
        return value_int(args[0].aux);
    case V_LIST:
        return value_int((int64_t)args[0].u.list->n);
    default:
        return value_int((int64_t)args[0].u.map->n);
    }
}

const struct cel_function cel_functions_collections[] = {
    {"size", "s", "i", size},  {"size", "y", "i", size},  {"size", "l", "i", size},
    {"size", "m", "i", size},  {"size", ".s", "i", size}, {"size", ".y", "i", size},
    {"size", ".l", "i", size}, {"size", ".m", "i", size}, {0},
};
