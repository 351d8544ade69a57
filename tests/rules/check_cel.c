/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/rules/check_cel.h"

#include <stdlib.h>

const struct cel_program *must_compile(struct arena *a, const struct cel_env *env,
                                       const char *source) {
    struct cel_issues issues;
    cel_issues_init(&issues, a);
    const struct cel_program *p = cel_compile(a, env, str_from(source), &issues);
    if (!p)
        ck_abort_msg("%s: %.*s", source, STR_FMT(issues.list[0].text));
    return p;
}

const char *evaluated(struct arena *a, const struct cel_program *p,
                      const struct cel_activation *act) {
    struct value v;
    struct err e = ERR_INIT;
    struct buf b = BUF_IN(a);
    if (cel_eval(p, act, a, &v, &e))
        cel_write_value(&b, v, 2000);
    else
        buf_printf(&b, "error: %s", e.text);
    return buf_cstr(&b);
}

int main(void) {
    SRunner *r = srunner_create(suite_cel_language());
    srunner_add_suite(r, suite_cel_check());
    srunner_add_suite(r, suite_cel_limits());
    srunner_add_suite(r, suite_cel_behaviour());
    srunner_add_suite(r, suite_cel_next());
    srunner_add_suite(r, suite_cel_program());
    srunner_add_suite(r, suite_trigger());
    srunner_add_suite(r, suite_campaign());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
