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
    {{.click = true, .agent = FIREFOX, .delay_ms = 60000, .decoy = true}, "decoy"},
    {{.click = true, .agent = FIREFOX, .delay_ms = 60000, .near_decoy = true}, "near a decoy"},
    {{.click = true, .agent = FIREFOX, .delay_ms = 60000, .near_head = true}, "near a HEAD"},
    {{.click = true, .agent = FIREFOX, .delay_ms = 60000, .links = 2, .in_order = true},
     "links in order"},
    {{.agent = FIREFOX, .delay_ms = 60000, .near_decoy = true}, "near a decoy"},
    {{.agent = GMAIL, .delay_ms = 60000, .near_decoy = true}, NULL},
};

START_TEST(verdicts) {
    struct verdict v = verdict_of(&cases[_i].f);
    ck_assert_msg(v.human == !cases[_i].why, "case %d: %s", _i, v.why ? v.why : "human");
    assert_text(str_from(v.why), str_from(cases[_i].why));
}
END_TEST

/* Hits of one message: "SECONDS.MS KIND AGENT", KIND being o (open), h0.. (HEAD of a link), d (the
 * decoy) or the number of the link; and what each is taken for, . for a person. */
static const struct {
    const char *hits, *wanted;
} messages[] = {
    {"0.0 0 a", "."},
    {
        "0.0 0 a|0.5 0 a|0.9 0 a",
        "...",
    },
    {"0.0 0 a|0.9 1 a", "oo"},
    {"0.0 0 a|0.9 1 b", "oo"},
    {"0.0 1 a|0.9 0 a", ".."},
    {"0.0 0 a|1.1 1 a", ".."},
    {"0.0 0 a|0.3 2 a|0.4 1 a|9.0 3 a", "mmm."},
    {"0.0 0 a|1.5 1 a|3.0 2 a", "mmm"},
    {"0.0 0 a|1.5 1 a|3.1 2 a", "..."},
    {"0.0 0 a|1.5 1 a|2.0 0 a|4.4 2 a", ".mmm"},
    {"0.0 o a|50.0 0 a|60.0 d a|70.0 1 a|121.0 2 a", "nnDn."},
    {"0.0 0 b|56.9 0 b|57.0 1 b|60.0 d a|63.0 2 b|63.1 3 b", ".onDno"},
    {"0.0 h0 a|1.0 0 a|1.0 0 b|3.1 0 a", "Hh.."},
    {"0.0 0 a|2.0 h0 a", "hH"},
    {"0.0 d a|0.1 d a", "DD"},
    {"0.0 d |1.0 0 |5.0 0 ", "Dn."}, /* no agent is nobody's in particular */
};

static char letter_of(const struct verdict_hit *h) {
    static const char *const words[] = {
        "links in order", "many links at once", "near a decoy", "near a HEAD", "decoy", "HEAD"};
    for (int i = 0; h->verdict.why && i < 6; i++)
        if (strcmp(h->verdict.why, words[i]) == 0)
            return "omnhDH"[i];
    return h->verdict.human ? '.' : '?';
}

static void read_hit(struct str text, struct verdict_hit *h) {
    struct str at, kind;
    double seconds;
    ck_assert(str_split(&text, ' ', &at) && str_split(&text, ' ', &kind));
    ck_assert(str_to_double(at, &seconds));
    *h = (struct verdict_hit){.f = {.click = kind.p[0] != 'o',
                                    .head = kind.p[0] == 'h',
                                    .decoy = kind.p[0] == 'd',
                                    .agent = text,
                                    .delay_ms = 60000},
                              .at_ms = (int64_t)(seconds * 1000 + 0.5)};
    h->index = (uint32_t)(kind.p[kind.n - 1] - '0');
    h->url = h->index;
}

START_TEST(together) {
    struct verdict_hit hits[10];
    struct str rest = str_from(messages[_i].hits), one;
    size_t n = 0;
    char got[11] = "";
    while (str_split(&rest, '|', &one))
        read_hit(one, &hits[n++]);
    for (int twice = 0; twice < 2; twice++) {
        verdict_judge(hits, n);
        for (size_t i = 0; i < n; i++)
            got[i] = letter_of(&hits[i]);
        ck_assert_msg(strcmp(got, messages[_i].wanted) == 0, "%s: wanted %s, got %s",
                      messages[_i].hits, messages[_i].wanted, got);
    }
}
END_TEST

Suite *suite_verdict(void) {
    Suite *s = suite_create("verdict");
    TCase *t = tcase_create("verdict");
    tcase_add_loop_test(t, verdicts, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(t, together, 0, sizeof messages / sizeof *messages);
    suite_add_tcase(s, t);
    return s;
}
