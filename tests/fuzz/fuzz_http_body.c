/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies of POST requests: whatever they hold, forms and the event API are read within bounds, what
 * is taken keeps the limits of the database, and reading twice gives the same. The first byte
 * chooses the reader.
 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/post_form.h"
#include "engine/response/event_api.h"
#include "engine/response/inflate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1795000000000000)

static void must(bool ok) {
    if (!ok)
        abort();
}

static bool plain(struct str s) {
    return !s.n || !memchr(s.p, 0, s.n);
}

static void check_item(struct arena *a, const struct api_item *x) {
    struct value v;
    must(x->customer.n > 0 && x->customer.n <= 255 && plain(x->customer));
    must(plain(x->email) && plain(x->phone) && plain(x->locale) && plain(x->timezone));
    if (x->kind == API_ALIAS) {
        must(x->previous.n > 0 && x->previous.n <= 255 && plain(x->previous));
        return;
    }
    must(json_parse(a, x->properties, &v, NULL) && value_is(v, V_MAP));
    must(str_find(x->properties, S("\\u0000")) < 0 || str_find(x->properties, S("\\\\u0000")) >= 0);
    if (x->kind == API_EVENT)
        must(x->name.n > 0 && x->name.n <= 255 && plain(x->name) && x->dedupe.n <= 255 &&
             plain(x->dedupe) && x->at_us <= NOW);
}

static void read_events(struct arena *a, struct str call, struct str body) {
    struct api_batch one, two;
    struct err e = ERR_INIT;
    bool ok = event_api_read(a, call, body, NOW, &one, &e);
    must(ok || (e.kind == ERR_INPUT && e.text[0]));
    must(event_api_read(a, call, body, NOW, &two, &e) == ok);
    if (!ok)
        return;
    must(one.n == two.n && one.rejected == two.rejected && one.skipped == two.skipped);
    must(!one.rejected == !one.complaint.n);
    for (size_t i = 0; i < one.n; i++) {
        check_item(a, &one.items[i]);
        must(str_eq(one.items[i].properties, two.items[i].properties));
    }
}

static void read_form(struct arena *a, struct str type, struct str body) {
    struct post_form *f = post_form_read(a, type, body);
    must(f->n <= POST_FIELDS);
    for (size_t i = 0; i < f->n; i++) {
        must(f->field[i].name.n + f->field[i].value.n <= body.n);
        must(post_form_has(f, f->field[i].name, f->field[i].value));
        must(post_form_get(f, f->field[i].name).p != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const calls[] = {"batch", "track", "identify", "page", "alias", "group"};
    struct arena *a = arena_new(0);
    struct str body = str_of((const char *)data + 1, size ? size - 1 : 0), out;
    struct err e = ERR_INIT;
    int how = size ? data[0] % 9 : 0;
    if (!size)
        body = S("");
    if (how < 6)
        read_events(a, str_from(calls[how]), body);
    else if (how == 6)
        read_form(a, S("application/x-www-form-urlencoded"), body);
    else if (how == 7)
        read_form(a, S("multipart/form-data; boundary=xx"), body);
    else
        must(!inflate_body(a, body, 65536, &out, &e) || out.n <= 65536);
    arena_free(a);
    return 0;
}
