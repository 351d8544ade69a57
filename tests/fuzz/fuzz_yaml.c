/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes: a tree, or at least one diagnostic; printing them and turning the tree
 * into data never fails.
 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/yamlfile.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static FILE *null;
    if (!null && !(null = fopen("/dev/null", "w")))
        abort();
    struct arena *a = arena_new(0);
    struct yamlfile f;
    struct diags d;
    diags_init(&d, a);
    if (!yamlfile_parse(a, S("x.yaml"), str_of((const char *)data, size), &f, &d) && d.errors == 0)
        abort();
    struct buf b = BUF_IN(a);
    json_write(&b, ynode_value(a, f.root));
    diags_sort(&d);
    diags_print(&d, null, true);
    arena_free(a);
    return 0;
}
