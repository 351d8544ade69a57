/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/engine/check_decide.h"

#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena *arena;

static void setup(void) {
    arena = arena_new(0);
}

static void teardown(void) {
    arena_free(arena);
}

static struct str read_all(const char *path) {
    struct buf b = BUF_IN(arena);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s cannot be read", path);
    for (size_t got = 1; got > 0; b.n += got)
        got = fread(buf_reserve(&b, 65536), 1, 65536, f);
    fclose(f);
    return buf_str(&b);
}

/* tests/data/campaigns/NAME against NAME.expected beside it. With GODWIT_ACCEPT set the expected
 * text is written anew. */
static const struct {
    const char *name;
    bool loads; /* all that is said are warnings and notes */
} golden[] = {{"mistakes", false}, {"yaml", false},     {"inbound", false},
              {"review", true},    {"journeys", false}, {"hooks", false}};

START_TEST(messages) {
    struct str folder = data_path(arena, str_printf(arena, "campaigns/%s", golden[_i].name).p);
    const char *expected = str_printf(arena, "%.*s.expected", STR_FMT(folder)).p;
    struct diags d;
    diags_init(&d, arena);
    struct workspace *w = workspace_load(folder, &d);
    ck_assert_int_eq(w != NULL, golden[_i].loads);
    workspace_release(w);
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    diags_print(&d, out, false);
    fclose(out);
    if (getenv("GODWIT_ACCEPT")) {
        FILE *f = fopen(expected, "wb");
        ck_assert_ptr_nonnull(f);
        fwrite(text, 1, n, f);
        fclose(f);
    }
    struct str want = read_all(expected);
    size_t same = 0;
    while (same < n && same < want.n && text[same] == want.p[same])
        same++;
    ck_assert_msg(same == n && same == want.n,
                  "%s: differs from byte %zu on; wanted\n%.*s\ngot\n%.*s", expected, same,
                  STR_FMT(str_sub(want, same, same + 500)),
                  STR_FMT(str_sub(str_of(text, n), same, same + 500)));
    free(text);
}
END_TEST

START_TEST(not_there) {
    struct diags d;
    diags_init(&d, arena);
    ck_assert_ptr_null(workspace_load(S("/nonexistent"), &d));
    ck_assert_uint_eq(d.errors, 1);
    ck_assert(str_find(d.list[0].text, S("no workspace")) >= 0);
    ck_assert(str_find(d.list[0].hint, S("godwit init")) >= 0);
}
END_TEST

START_TEST(shop) {
    struct str folder =
        str_printf(arena, "%s/examples/shop", getenv("top_srcdir") ? getenv("top_srcdir") : ".");
    struct diags d;
    diags_init(&d, arena);
    struct workspace *w = workspace_load(folder, &d);
    diags_print(&d, stderr, false);
    ck_assert_ptr_nonnull(w);
    ck_assert_uint_eq(d.n, 0);
    ck_assert(str_eq(workspace_summary(arena, w), S("3 campaigns, 3 segments, 3 templates")));
    const struct campaign *c = campaign_set_find(&w->rules, S("second-purchase"));
    ck_assert_ptr_nonnull(c);
    ck_assert_uint_eq(c->holdout_ppm, CAMPAIGN_PPM / 10);
    ck_assert(c->goal.value != NULL && c->audience != NULL);
    size_t n;
    const struct campaign *const *list = campaign_set_started_by(&w->rules, S("order.placed"), &n);
    ck_assert_uint_eq(n, 2);
    ck_assert(str_eq(list[0]->name, S("big-spender")));
    ck_assert_ptr_eq(list[1], c);
    campaign_set_started_by(&w->rules, S("order.returned"), &n);
    ck_assert_uint_eq(n, 0);
    ck_assert_ptr_eq(workspace_hold(w), w);
    workspace_release(w);
    workspace_release(w);
}
END_TEST

/* What an editor or Git does to line ends makes no new version; a changed letter does. */
START_TEST(versions) {
    struct campaign_set set = {.n_segments = 0};
    struct campaign_names names = {.n_channels = 0};
    static const char *const text[] = {"campaign: a\ntrigger: { event: x }\n",
                                       "campaign: a\r\ntrigger: { event: x }\r\n",
                                       ("\xef\xbb\xbf"
                                        "campaign: a\ntrigger: { event: x }\n"),
                                       "campaign: a\ntrigger: { event: y }\n"};
    struct campaign c[4];
    for (int i = 0; i < 4; i++) {
        struct yamlfile file;
        struct diags d;
        diags_init(&d, arena);
        ck_assert(yamlfile_parse(arena, S("a.yaml"), str_from(text[i]), &file, &d));
        campaign_file_read(arena, &file, &set, &names, &c[i], &d);
    }
    ck_assert_str_eq(c[0].version, c[1].version);
    ck_assert_str_eq(c[0].version, c[2].version);
    ck_assert_str_ne(c[0].version, c[3].version);
    ck_assert(str_eq(c[0].source, str_from(text[0])));
}
END_TEST

Suite *suite_workspace(void) {
    Suite *s = suite_create("workspace");
    TCase *t = tcase_create("workspace");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, messages, 0, sizeof golden / sizeof *golden);
    tcase_add_test(t, not_there);
    tcase_add_test(t, shop);
    tcase_add_test(t, versions);
    suite_add_tcase(s, t);
    return s;
}
