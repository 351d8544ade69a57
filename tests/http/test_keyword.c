/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/keyword.h"

#include "tests/http/check_http.h"

static const struct str stops[] = {S("TD"), S("別再傳")}, helps[] = {S("stop")};
static const struct settings_channel plain, own = {
                                                .keywords = {stops, NULL, helps},
                                                .n_keywords = {2, 0, 1},
};

static const struct {
    const struct settings_channel *channel;
    const char *text;
    int wanted;
} cases[] = {
    {&plain, "STOP", KEYWORD_STOP},
    {&plain, "stop", KEYWORD_STOP},
    {&plain, "  Stop. \r\n", KEYWORD_STOP},
    {&plain, "\"STOP\"!", KEYWORD_STOP},
    {&plain, "Stop all", KEYWORD_STOP},
    {&plain, "opt-out", KEYWORD_STOP},
    {&plain, "UNSUBSCRIBE", KEYWORD_STOP},
    {&plain, "cancel", KEYWORD_STOP},
    {&plain, "End", KEYWORD_STOP},
    {&plain, "quit", KEYWORD_STOP},
    {&plain, "REVOKE", KEYWORD_STOP},
    {&plain, "ＳＴＯＰ", KEYWORD_STOP},
    {&plain, "退訂", KEYWORD_STOP},
    {&plain, "「退訂」。", KEYWORD_STOP},
    {&plain, "取消訂閱！", KEYWORD_STOP},
    {&plain, "取消 訂閱", KEYWORD_STOP},
    {&plain, "拒收", KEYWORD_STOP},
    {&plain, "退订", KEYWORD_STOP},
    {&plain, "START", KEYWORD_START},
    {&plain, "yes", KEYWORD_START},
    {&plain, "UnStop", KEYWORD_START},
    {&plain, "重新訂閱", KEYWORD_START},
    {&plain, "HELP?", KEYWORD_HELP},
    {&plain, "info", KEYWORD_HELP},
    {&plain, "說明", KEYWORD_HELP},
    {&plain, "please stop", -1},
    {&plain, "stop by", -1},
    {&plain, "stops", -1},
    {&plain, "no", -1},
    {&plain, "td", -1},
    {&plain, "", -1},
    {&plain, " . ", -1},
    {&plain, "我要退訂單", -1},
    {&plain, "stop\xff", -1},
    {&plain, "stopstopstopstopstopstopstopstopstopstopstopstopstopstopstopstopstop", -1},
    {&own, "td", KEYWORD_STOP},
    {&own, "別再傳", KEYWORD_STOP},
    {&own, "Stop", KEYWORD_HELP}, /* the channel's own word comes first */
    {&own, "quit", KEYWORD_STOP},
};

START_TEST(keywords) {
    int got = keyword_of(cases[_i].channel, str_from(cases[_i].text));
    ck_assert_msg(got == cases[_i].wanted, "\"%s\": wanted %d, got %d", cases[_i].text,
                  cases[_i].wanted, got);
}
END_TEST

Suite *suite_keyword(void) {
    Suite *s = suite_create("keyword");
    TCase *t = tcase_create("keyword");
    tcase_add_loop_test(t, keywords, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(s, t);
    return s;
}
