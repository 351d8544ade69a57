/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "engine/response/event_api.h"

#include "tests/http/check_http.h"

#define NOW INT64_C(1795000000000000) /* 2026-11-18T11:06:40Z */

/* What came out, in one line: e:customer:name:at-now in s:properties, i:..., a:previous>customer;
 * then how many were skipped and rejected. */
static const struct {
    const char *call, *body, *wanted;
} cases[] = {
    {"track", "{\"userId\":\"u\",\"event\":\"x\"}", "e:u:x:0:{} 0/0"},
    {"track", "{\"userId\":\"u\",\"event\":\"x\",\"timestamp\":\"2026-11-18T11:06:30Z\"}",
     "e:u:x:-10:{} 0/0"},
    {"track",
     "{\"userId\":\"u\",\"event\":\"x\",\"timestamp\":\"2026-11-18T12:06:30Z\",\"sentAt\":"
     "\"2026-11-18T12:06:40Z\"}",
     "e:u:x:-10:{\"originalTimestamp\":\"2026-11-18T12:06:30Z\"} 0/0"},
    {"track",
     "{\"userId\":\"u\",\"event\":\"x\",\"timestamp\":\"2026-11-16T11:06:30Z\",\"sentAt\":"
     "\"2026-11-16T11:06:40Z\"}", /* two days off: no clock, but a late delivery */
     "e:u:x:-172810:{} 0/0"},
    {"track", "{\"anonymousId\":\"n\",\"event\":\"x\",\"properties\":{\"a\":[1,2.5]}}",
     "e:n:x:0:{\"a\":[1,2.5]} 0/0"},
    {"track", "{\"userId\":7,\"event\":\"x\",\"properties\":null}", "e:7:x:0:{} 0/0"},
    {"track", "{\"userId\":\"\",\"event\":\"x\"}", " 0/1"},
    {"track", "{\"userId\":\"u\",\"event\":\"\"}", " 0/1"},
    {"track", "{\"userId\":\"u\\u0000\",\"event\":\"x\"}", " 0/1"},
    {"page", "{\"userId\":\"u\",\"name\":\"n\",\"category\":\"c\",\"properties\":{\"url\":\"/\"}}",
     "e:u:page.viewed:0:{\"url\":\"/\",\"name\":\"n\",\"category\":\"c\"} 0/0"},
    {"identify", "{\"userId\":\"u\",\"traits\":{\"email\":\"u@example.net\",\"a\":1}}",
     "i:u:u@example.net::::{\"a\":1} 0/0"},
    {"identify", "{\"userId\":\"u\",\"traits\":{\"email\":\"nobody\",\"phone\":5}}",
     "i:u:::::{\"email\":\"nobody\",\"phone\":5} 0/0"},
    {"identify",
     "{\"userId\":\"u\",\"anonymousId\":\"n\",\"context\":{\"locale\":\"zh-TW\",\"timezone\":"
     "\"Asia/Taipei\"}}",
     "a:n>u i:u:::zh-TW:Asia/Taipei:{} 0/0"},
    {"identify", "{\"userId\":\"u\",\"traits\":{\"timezone\":\"../etc/passwd\"}}",
     "i:u:::::{\"timezone\":\"../etc/passwd\"} 0/0"},
    {"alias", "{\"userId\":\"u\",\"previousId\":\"p\"}", "a:p>u 0/0"},
    {"alias", "{\"userId\":\"u\"}", " 0/1"},
    {"screen", "{\"userId\":\"u\"}", " 1/0"},
    {"batch",
     "{\"context\":{\"locale\":\"en\"},\"batch\":[{\"type\":\"track\",\"userId\":\"u\",\"event\":"
     "\"x\"},[],{\"type\":\"group\"},{\"type\":\"identify\",\"userId\":\"u\"},{\"type\":\"no\"}]}",
     "e:u:x:0:{} i:u:::en::{} 1/2"},
    {"batch", "{\"batch\":[]}", " 0/0"},
    {"batch", "{\"batch\":{}}", NULL},
    {"batch", "{}", NULL},
    {"batch", "[]", NULL},
    {"track", "", NULL},
    {"track", "{\"userId\":\"u\",\"userId\":\"v\"}", NULL},
};

static void describe(struct buf *b, const struct api_item *x) {
    if (b->n)
        buf_add_char(b, ' ');
    if (x->kind == API_EVENT)
        buf_printf(b, "e:%.*s:%.*s:%lld:%.*s", STR_FMT(x->customer), STR_FMT(x->name),
                   (long long)((x->at_us - NOW) / WALLCLOCK_US_PER_S), STR_FMT(x->properties));
    else if (x->kind == API_ALIAS)
        buf_printf(b, "a:%.*s>%.*s", STR_FMT(x->previous), STR_FMT(x->customer));
    else
        buf_printf(b, "i:%.*s:%.*s:%.*s:%.*s:%.*s:%.*s", STR_FMT(x->customer), STR_FMT(x->email),
                   STR_FMT(x->phone), STR_FMT(x->locale), STR_FMT(x->timezone),
                   STR_FMT(x->properties));
}

START_TEST(bodies) {
    struct arena *a = arena_new(0);
    struct buf b = BUF_IN(a);
    struct api_batch batch;
    struct err e = ERR_INIT;
    bool ok =
        event_api_read(a, str_from(cases[_i].call), str_from(cases[_i].body), NOW, &batch, &e);
    ck_assert_msg(ok == (cases[_i].wanted != NULL), "case %d: %s", _i, e.text);
    for (size_t i = 0; ok && i < batch.n; i++)
        describe(&b, &batch.items[i]);
    if (ok) {
        buf_printf(&b, " %zu/%zu", batch.skipped, batch.rejected);
        assert_text(buf_str(&b), str_from(cases[_i].wanted));
    }
    ck_assert(!ok || !batch.rejected == !batch.complaint.n);
    arena_free(a);
}
END_TEST

Suite *suite_event_api(void) {
    Suite *s = suite_create("event_api");
    TCase *t = tcase_create("event_api");
    tcase_add_loop_test(t, bodies, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(s, t);
    return s;
}
