/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/verdict.h"

#include "tests/http/check_http.h"

#define FIREFOX S("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
#define GMAIL S("Mozilla/5.0 (Windows NT 5.1) Firefox/11.0 (via ggpht.com GoogleImageProxy)")

static const struct {
    struct verdict_features f;
    const char *why; /* NULL: a person */
} cases[] = {
    {{.click = true, .agent = FIREFOX, .delay_ms = 60000, .links = 1}, NULL},
    {{.click = true, .agent = FIREFOX, .delay_ms = 10000, .links = 2}, NULL},
    {{.click = true, .agent = FIREFOX, .delay_ms = 9999, .links = 1}, "too soon"},
    {{.click = true, .agent = FIREFOX, .delay_ms = -1, .links = 1}, NULL},
    {{.click = true, .agent = FIREFOX, .delay_ms = 60000, .links = 3}, "many links at once"},
    {{.click = true, .agent = FIREFOX, .delay_ms = 60000, .head = true}, "HEAD"},
    {{.click = true, .agent = FIREFOX, .delay_ms = 60000, .prefetch = true}, "prefetch"},
    {{.click = true, .agent = S("curl/8.1"), .delay_ms = 60000}, "agent"},
    {{.click = true, .agent = S("Some SCANNER"), .delay_ms = 60000}, "agent"},
    {{.click = true, .agent = S("Mozilla/5.0"), .delay_ms = 60000}, NULL},
    {{.agent = FIREFOX, .delay_ms = 60000}, NULL},
    {{.agent = FIREFOX, .delay_ms = 500}, "too soon"},
    {{.agent = GMAIL, .delay_ms = 500}, NULL},
    {{.agent = GMAIL, .delay_ms = 500, .head = true}, "HEAD"},
    {{.agent = S("Mozilla/5.0"), .delay_ms = 60000}, "relay"},
    {{.agent = S(""), .delay_ms = 60000}, NULL},
};

START_TEST(verdicts) {
    struct verdict v = verdict_of(&cases[_i].f);
    ck_assert_msg(v.human == !cases[_i].why, "case %d: %s", _i, v.why ? v.why : "human");
    assert_text(str_from(v.why), str_from(cases[_i].why));
}
END_TEST

Suite *suite_verdict(void) {
    Suite *s = suite_create("verdict");
    TCase *t = tcase_create("verdict");
    tcase_add_loop_test(t, verdicts, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(s, t);
    return s;
}
