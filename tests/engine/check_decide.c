/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/engine/check_decide.h"

#include "base/arena.h"
#include "base/json.h"

#include <stdlib.h>

struct str data_path(struct arena *a, const char *name) {
    const char *top = getenv("top_srcdir");
    return str_printf(a, "%s/tests/data/%s", top ? top : ".", name);
}

struct workspace *load_good(const char *name) {
    struct arena *a = arena_new(0);
    struct diags d;
    diags_init(&d, a);
    struct workspace *w = workspace_load(data_path(a, name), &d);
    if (!w)
        diags_print(&d, stderr, false);
    ck_assert_ptr_nonnull(w);
    arena_free(a);
    return w;
}

struct value from_json(struct arena *a, const char *json) {
    struct err e = ERR_INIT;
    struct value v = VALUE_NULL;
    if (!json_parse(a, str_from(json), &v, &e))
        ck_abort_msg("%s: %s", json, e.text);
    return v;
}

int main(void) {
    SRunner *r = srunner_create(suite_workspace());
    srunner_add_suite(r, suite_decide());
    srunner_add_suite(r, suite_decide_cdnow());
    srunner_add_suite(r, suite_care());
    srunner_add_suite(r, suite_behaviour_pack());
    srunner_add_suite(r, suite_membership());
    srunner_add_suite(r, suite_chances());
    srunner_add_suite(r, suite_attribution());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
