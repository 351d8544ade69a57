/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "engine/response/page.h"

#include "tests/http/check_http.h"

static struct str made(struct arena *a, const char *locale, enum page_done done) {
    struct map *titles = map_new(a, 2), *plain = map_new(a, 1);
    map_set_str(a, titles, S("en"), value_str(S("Offers <b>")));
    map_set_str(a, titles, S("zh-TW"), value_str(S("優惠")));
    map_set_str(a, plain, S(""), value_str(S("News")));
    struct settings_topic topics[] = {{.name = S("news"), .title = value_map(plain)},
                                      {.name = S("offers"), .title = value_map(titles)}};
    static const bool on[] = {false, true};
    struct page_preferences p = {.locale = str_from(locale),
                                 .sender = S("Acme & \"Sons\""),
                                 .topics = topics,
                                 .subscribed = on,
                                 .n = 2,
                                 .topic = S("offers"),
                                 .done = done};
    struct buf b = BUF_IN(a);
    page_preferences(&b, &p);
    return buf_str(&b);
}

static const struct {
    const char *locale;
    enum page_done done;
    const char *holds;
} cases[] = {
    {"", PAGE_ASKING, "<html lang=\"en\">"},
    {"de", PAGE_ASKING, "<html lang=\"en\">"},
    {"zh-TW", PAGE_ASKING, "<html lang=\"zh-Hant\">"},
    {"zh-Hant-HK", PAGE_ASKING, "優惠"},
    {"zh", PAGE_ASKING, "全部取消訂閱"},
    {"en", PAGE_ASKING, "Acme &amp; &quot;Sons&quot;"},
    {"en", PAGE_ASKING, "Offers &lt;b&gt;"},
    {"en", PAGE_ASKING, "<input type=\"checkbox\" name=\"topic\" value=\"offers\" checked>"},
    {"en", PAGE_ASKING, "<input type=\"checkbox\" name=\"topic\" value=\"news\">News"},
    {"en", PAGE_SAVED, "<p role=\"status\">Saved."},
    {"zh-TW", PAGE_ALL_OFF, "<p role=\"status\">您已取消所有訂閱"},
};

START_TEST(pages) {
    struct arena *a = arena_new(0);
    struct str html = made(a, cases[_i].locale, cases[_i].done);
    ck_assert_msg(str_find(html, str_from(cases[_i].holds)) >= 0, "no %s in\n%.*s", cases[_i].holds,
                  STR_FMT(html));
    ck_assert(str_find(html, S("Offers <b>")) < 0);
    /* the message's own topic comes first */
    ck_assert(str_find(html, S("\"offers\"")) < str_find(html, S("\"news\"")));
    arena_free(a);
}
END_TEST

START_TEST(notices) {
    struct arena *a = arena_new(0);
    struct buf b = BUF_IN(a);
    page_notice(&b, PAGE_LATER, S("en"), S("https://a.example/?x=\"><script>"));
    ck_assert(str_find(buf_str(&b), S("href=\"https://a.example/?x=&quot;&gt;&lt;script&gt;\"")) >
              0);
    ck_assert(str_find(buf_str(&b), S("<script>")) < 0);
    buf_clear(&b);
    page_notice(&b, PAGE_UNKNOWN_LINK, S("zh-TW,en;q=0.5"), STR_NONE);
    ck_assert(str_find(buf_str(&b), S("無法辨識此連結")) > 0 &&
              str_find(buf_str(&b), S("href")) < 0);
    arena_free(a);
}
END_TEST

Suite *suite_page(void) {
    Suite *s = suite_create("page");
    TCase *t = tcase_create("page");
    tcase_add_loop_test(t, pages, 0, sizeof cases / sizeof *cases);
    tcase_add_test(t, notices);
    suite_add_tcase(s, t);
    return s;
}
