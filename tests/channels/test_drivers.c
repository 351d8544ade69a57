/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "tests/channels/check_channels.h"
#include "tests/channels/fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- settings */

struct mistakes {
    struct buf text;
};

static void on_mistake(void *arg, struct str key, struct str text, struct str hint) {
    struct mistakes *m = arg;
    buf_printf(&m->text, "[%.*s] %.*s (%.*s)\n", STR_FMT(key), STR_FMT(text), STR_FMT(hint));
}

static const struct {
    const char *json;
    const char *words[3]; /* in the mistakes; none: it is fine */
} settings[] = {
    {"{\"host\": \"mx\"}", {NULL}},
    {"{\"host\": \"mx\", \"port\": 25, \"verify\": false, \"starttls\": \"off\"}", {NULL}},
    {"{\"host\": \"mx\", \"port\": \"25\", \"reply_timeout\": \"1m30s\"}", {NULL}},
    {"{\"host\": \"mx\", \"starttls\": false}", {NULL}},
    {"{\"host\": \"mx\", \"password\": 12345, \"username\": \"x\"}", {NULL}},
    {"{\"host\": \"mx\", \"driver\": \"smtp\", \"in_doubt\": \"hold\"}", {NULL}},
    {"{}", {"[]", "needs the setting `host`"}},
    {"{\"hots\": \"mx\"}", {"[hots]", "did you mean `host`?", "needs the setting `host`"}},
    {"{\"host\": \"mx\", \"in_dout\": 1}", {"did you mean `in_doubt`?"}},
    {"{\"host\": \"mx\", \"zzz\": 1}", {"no setting `zzz`", "()"}},
    {"{\"host\": \"mx\", \"port\": 0}", {"[port]", "1 to 65535"}},
    {"{\"host\": \"mx\", \"port\": 65536}", {"1 to 65535"}},
    {"{\"host\": \"mx\", \"port\": \"x\"}", {"whole number"}},
    {"{\"host\": \"mx\", \"port\": 2.5}", {"whole number"}},
    {"{\"host\": \"mx\", \"connections\": -1}", {"1 to 256"}},
    {"{\"host\": \"mx\", \"reply_timeout\": 30}", {"a time such as 30s"}},
    {"{\"host\": \"mx\", \"reply_timeout\": \"10ms\"}", {"1 to 3600 seconds"}},
    {"{\"host\": \"mx\", \"starttls\": \"maybe\"}", {"off|opportunistic|required"}},
    {"{\"host\": \"mx\", \"verify\": \"yes\"}", {"true or false"}},
    {"{\"host\": \"\"}", {"not empty"}},
    {"{\"host\": [1]}", {"must be text"}},
    {"{\"relays\": [{\"host\": \"a\"}, {\"host\": \"b\", \"weight\": 3}]}", {NULL}},
    {"{\"relays\": {\"host\": \"a\"}}", {NULL}},
    {"{\"relays\": [{\"prot\": 25}]}",
     {"[relays.0.prot]", "did you mean `port`?", "needs the setting `relays.0.host`"}},
    {"{\"relays\": [{\"host\": \"a\"}, {\"host\": \"b\", \"port\": 0}]}",
     {"[relays.1.port]", "1 to 65535"}},
    {"{\"relays\": []}", {"[relays]", "list of maps"}},
    {"{\"relays\": \"a\"}", {"[relays]", "list of maps"}},
    {"{\"relays\": [1]}", {"[relays]", "list of maps"}},
    {"{\"host\": \"mx\", \"dkim\": {\"domain\": \"a\", \"selector\": \"b\"}}",
     {"[dkim]", "needs the setting `dkim.key`"}},
};

START_TEST(settings_cases) {
    struct arena *a = arena_new(0);
    struct mistakes m = {BUF_IN(a)};
    struct value v;
    struct err e = ERR_INIT;
    const struct channel_value *out;
    static const struct str others[] = {{"driver", 6}, {"in_doubt", 8}};
    ck_assert(json_parse(a, str_from(settings[_i].json), &v, &e));
    bool ok = drivers_settings(a, drivers_find(S("smtp"), NULL, &e), v.u.map, others, 2, &out,
                               on_mistake, &m);
    const char *got = buf_cstr(&m.text);
    ck_assert_msg(ok == !settings[_i].words[0], "%s: %s", settings[_i].json, got);
    for (size_t i = 0; i < 3 && settings[_i].words[i]; i++) {
        ck_assert_msg(strstr(got, settings[_i].words[i]) != NULL, "%s: wanted `%s` in: %s",
                      settings[_i].json, settings[_i].words[i], got);
    }
    arena_free(a);
}
END_TEST

static const char *const bad_smtp[][4] = {
    {"host", "mx:25", NULL, NULL},
    {"host", "user@mx", NULL, NULL},
    {"host", "mx", "username", "ada"},
    {"host", "mx", "helo", "two words"},
    {"host", "mx", "ca_file", "/nonexistent.pem"},
};

START_TEST(smtp_does_not_open) {
    struct arena *a = arena_new(0);
    struct map *given = map_new(a, 2);
    struct err e = ERR_INIT;
    struct channel_error why = {""};
    const struct channel_value *out;
    struct mistakes m = {BUF_IN(a)};
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct channel_host host = {.loop = &loop, .name = "test"};
    for (size_t i = 0; i < 4 && bad_smtp[_i][i]; i += 2) {
        map_set_str(a, given, str_from(bad_smtp[_i][i]), value_str(str_from(bad_smtp[_i][i + 1])));
    }
    const struct channel_driver *d = drivers_find(S("smtp"), NULL, &e);
    ck_assert(drivers_settings(a, d, given, NULL, 0, &out, on_mistake, &m));
    ck_assert_ptr_null(d->open(&host, out, &why));
    ck_assert_uint_gt(strlen(why.text), 10);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    arena_free(a);
}
END_TEST

/* ---- finding and loading */

START_TEST(finds_by_name) {
    struct err e = ERR_INIT;
    for (size_t i = 0; drivers_builtin()[i]; i++) {
        const struct channel_driver *d = drivers_builtin()[i];
        ck_assert_ptr_eq(drivers_find(str_from(d->name), NULL, &e), d);
        ck_assert_uint_eq(d->abi, CHANNEL_ABI);
        for (const struct channel_setting *s = d->settings; s->name; s++) {
            ck_assert_msg(s->help && strlen(s->help) > 10, "%s: %s has no help", d->name, s->name);
        }
    }
    ck_assert_ptr_null(drivers_find(S("smpt"), NULL, &e));
    ck_assert_msg(strstr(e.text, "did you mean `smtp`?") != NULL, "%s", e.text);
    ck_assert_ptr_null(drivers_find(S("../../etc/passwd"), NULL, &e));
    ck_assert_msg(strstr(e.text, "built in are") != NULL, "%s", e.text);
}
END_TEST

static char folder[] = "/tmp/godwit-drivers-XXXXXX";

/* As somebody outside would: the header alone, and libuv for the loop. */
static bool build(const char *name, const char *flags) {
    char command[900];
    snprintf(command, sizeof command,
             "cp '%s/channels/channel.h' %s/ && %s -shared -fPIC -Wall -Wextra "
             "-Wno-missing-field-initializers -Werror %s -I %s -o %s/%s.so "
             "'%s/tests/channels/outside_driver.c'",
             SOURCE_DIR, folder, COMPILER, flags, folder, folder, name, SOURCE_DIR);
    return system(command) == 0;
}

START_TEST(loads_a_driver_from_outside) {
    struct err e = ERR_INIT;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert(build("outside", ""));
    ck_assert(build("old", "-DOUTSIDE_ABI=99"));
    ck_assert(build("other", "-Dgodwit_channel_driver=something_else"));
    const struct channel_driver *d = drivers_find(S("outside"), folder, &e);
    ck_assert_msg(d != NULL, "%s", e.text);
    ck_assert_str_eq(d->name, "outside");
    ck_assert_str_eq(d->settings[0].standard, "noon");

    ck_assert_ptr_null(drivers_find(S("old"), folder, &e));
    ck_assert_msg(strstr(e.text, "version 99") != NULL, "%s", e.text);
    ck_assert_ptr_null(drivers_find(S("other"), folder, &e));
    ck_assert_msg(strstr(e.text, "no symbol") != NULL, "%s", e.text);
    ck_assert_ptr_null(drivers_find(S("missing"), folder, &e));
    ck_assert_msg(strstr(e.text, folder) != NULL, "%s", e.text);

    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

/* The reference in the operator's page is the table itself. */
START_TEST(docs_are_up_to_date) {
    struct buf page = BUF_HEAP;
    FILE *f = fopen(SOURCE_DIR "/docs/channels.md", "r");
    ck_assert_ptr_nonnull(f);
    size_t n;
    while ((n = fread(buf_reserve(&page, 4096), 1, 4096, f)) > 0) {
        page.n += n;
    }
    fclose(f);
    for (size_t i = 0; drivers_builtin()[i]; i++) {
        struct buf table = BUF_HEAP;
        drivers_reference(&table, drivers_builtin()[i]);
        ck_assert_msg(str_find(buf_str(&page), buf_str(&table)) >= 0,
                      "docs/channels.md does not hold the reference of %s; it is now:\n%s",
                      drivers_builtin()[i]->name, buf_cstr(&table));
        buf_close(&table);
    }
    buf_close(&page);
}
END_TEST

Suite *suite_drivers(void) {
    Suite *s = suite_create("drivers");
    TCase *t = tcase_create("table");
    tcase_set_timeout(t, 30);
    tcase_add_loop_test(t, settings_cases, 0, sizeof settings / sizeof *settings);
    tcase_add_loop_test(t, smtp_does_not_open, 0, sizeof bad_smtp / sizeof *bad_smtp);
    tcase_add_test(t, finds_by_name);
    tcase_add_test(t, loads_a_driver_from_outside);
    tcase_add_test(t, docs_are_up_to_date);
    suite_add_tcase(s, t);
    return s;
}
