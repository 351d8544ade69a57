/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/http_gateway_hook.h"

#include "base/arena.h"
#include "base/json.h"
#include "channels/hook.h"
#include "channels/http_finder.h"

#include <stdio.h>

/* What is being read. */
struct reading {
    struct arena *a;
    const struct channel_value *v;
    const struct gateway_codes *codes;
    const struct channel_hook *hook;
    struct http_finder *finder[GATEWAY_HOOK_SETTINGS]; /* NULL: not set */
};

static bool is_finder(size_t setting) {
    return setting >= GATEWAY_RECEIPT_REFERENCE && setting != GATEWAY_DELIVERED &&
           setting != GATEWAY_FAILED;
}

/* ---- who calls */

static struct str after(struct str s, struct str prefix) {
    return str_eq_nocase(str_sub(s, 0, prefix.n), prefix) ? str_sub(s, prefix.n, s.n) : s;
}

static bool is_gateway(struct arena *a, const struct channel_value *v,
                       const struct channel_hook *h) {
    struct str secret = str_from(v[GATEWAY_HOOK_SECRET].text);
    bool header = v[GATEWAY_HOOK_HEADER].given;
    struct str shown = header ? hook_header(h, v[GATEWAY_HOOK_HEADER].text)
                              : post_form_get(hook_query(a, h), S("secret"));
    if (!secret.n)
        return h->reference.n > 0;
    if (strcmp(v[GATEWAY_HOOK_AUTH].text, "hmac-sha256") == 0)
        return hook_signed(HOOK_SHA256, secret, hook_str(h->body),
                           str_trim(after(shown, S("sha256="))));
    return hook_same(secret, shown) || hook_same(secret, str_trim(after(shown, S("Bearer "))));
}

/* ---- what it says */

static struct str json_of(struct arena *a, struct value v) {
    struct buf b = BUF_IN(a);
    json_write(&b, v);
    return buf_str(&b);
}

/* The body as JSON; of a form, and of GET, an object of the fields. */
static bool read_body(struct reading *r, struct value *out) {
    const struct channel_hook *h = r->hook;
    struct err ignored = ERR_INIT;
    struct str type = hook_header(h, "Content-Type");
    bool form = str_find(type, S("form")) >= 0;
    if (h->post && !form)
        return json_parse(r->a, hook_str(h->body), out, &ignored);
    const struct post_form *f = h->post ? hook_form(r->a, h) : hook_query(r->a, h);
    struct map *m = map_new(r->a, f->n);
    for (size_t i = 0; i < f->n; i++)
        map_set_str(r->a, m, f->field[i].name, value_str(f->field[i].value));
    *out = value_map(m);
    return f->n > 0;
}

static struct str find(const struct reading *r, int setting, struct str item) {
    struct str found;
    if (!r->finder[setting] || !http_finder_find(r->finder[setting], r->a, item, &found))
        return STR_NONE;
    return found;
}

static bool listed(const char *list, struct str word) {
    struct str rest = str_from(list), one;
    while (word.n && rest.n && str_split(&rest, ',', &one))
        if (str_eq_nocase(str_trim(one), word))
            return true;
    return false;
}

static bool read_receipt(const struct reading *r, struct str item) {
    struct str status = find(r, GATEWAY_RECEIPT_STATUS, item);
    struct str code = find(r, GATEWAY_RECEIPT_CODE, item);
    if (!status.n)
        return false;
    struct channel_report x = {
        .kind = CHANNEL_PROGRESS,
        .reference = hook_text(find(r, GATEWAY_RECEIPT_REFERENCE, item)),
        .provider_id = hook_text(find(r, GATEWAY_RECEIPT_ID, item)),
    };
    if (listed(r->v[GATEWAY_DELIVERED].text, status)) {
        x.kind = CHANNEL_DELIVERED;
    } else if (listed(r->v[GATEWAY_FAILED].text, status)) {
        x.kind = CHANNEL_BOUNCED;
        x.code = hook_text(code);
        x.text = hook_text(status);
        x.bounce = listed(r->codes->address, code) ? CHANNEL_BOUNCE_HARD
                   : listed(r->codes->message, code) || listed(r->codes->channel, code)
                       ? CHANNEL_BOUNCE_POLICY
                       : CHANNEL_BOUNCE_SOFT;
    }
    r->hook->report(r->hook, &x);
    return true;
}

static bool read_inbound(const struct reading *r, struct str item) {
    struct channel_report x = {.kind = CHANNEL_INBOUND,
                               .from = hook_text(find(r, GATEWAY_INBOUND_FROM, item)),
                               .to = hook_text(find(r, GATEWAY_INBOUND_TO, item)),
                               .text = hook_text(find(r, GATEWAY_INBOUND_TEXT, item)),
                               .provider_id = hook_text(find(r, GATEWAY_INBOUND_ID, item))};
    if (!x.from.n)
        return false;
    r->hook->report(r->hook, &x);
    return true;
}

static bool read_item(const struct reading *r, struct value item) {
    struct str text = json_of(r->a, item);
    return read_receipt(r, text) || read_inbound(r, text);
}

/* The list that `receipts` points at; NULL: it is not there. */
static const struct list *list_at(const struct reading *r, struct value body) {
    struct err e = ERR_INIT;
    struct str pointer = str_from(r->v[GATEWAY_RECEIPTS].text), text;
    struct value v = body;
    if (!str_eq(pointer, S("/"))) {
        struct http_finder *f = http_finder_new(pointer, &e);
        bool found = f && http_finder_find(f, r->a, json_of(r->a, body), &text) &&
                     json_parse(r->a, text, &v, &e);
        http_finder_free(f);
        if (!found)
            return NULL;
    }
    return value_is(v, V_LIST) ? v.u.list : NULL;
}

static enum channel_hook_result read_all(struct reading *r) {
    struct value body;
    bool good = false;
    if (!read_body(r, &body))
        return CHANNEL_HOOK_UNREADABLE;
    if (!r->v[GATEWAY_RECEIPTS].given)
        return read_item(r, body) ? CHANNEL_HOOK_TAKEN : CHANNEL_HOOK_UNREADABLE;
    const struct list *l = list_at(r, body);
    for (size_t i = 0; l && i < l->n; i++)
        good = read_item(r, l->v[i]) || good;
    return good || (l && !l->n) ? CHANNEL_HOOK_TAKEN : CHANNEL_HOOK_UNREADABLE;
}

enum channel_hook_result gateway_hook_receive(const struct channel_value *v,
                                              const struct gateway_codes *codes,
                                              const struct channel_hook *h) {
    struct reading r = {.a = arena_new(0), .v = v, .codes = codes, .hook = h};
    struct err ignored = ERR_INIT;
    enum channel_hook_result result = CHANNEL_HOOK_FORBIDDEN;
    if (is_gateway(r.a, v, h)) {
        for (size_t i = 0; i < GATEWAY_HOOK_SETTINGS; i++)
            if (is_finder(i) && v[i].given)
                r.finder[i] = http_finder_new(str_from(v[i].text), &ignored);
        result = read_all(&r);
    }
    for (size_t i = 0; i < GATEWAY_HOOK_SETTINGS; i++)
        http_finder_free(r.finder[i]);
    arena_free(r.a);
    return result;
}

const char *gateway_hook_answer(const struct channel_hook *h, struct channel_text text) {
    struct buf b = BUF_HEAP;
    buf_add_str(&b, S("{\"success\":true"));
    if (text.n) {
        buf_add_str(&b, S(",\"reply\":"));
        json_write_string(&b, hook_str(text));
    }
    buf_add_str(&b, S("}\n"));
    h->write(h, b.p, b.n);
    buf_close(&b);
    return "application/json";
}

bool gateway_hook_check(const struct channel_value *v, struct channel_error *e) {
    static const struct channel_setting names[] = {HTTP_GATEWAY_HOOK_SETTINGS(0)};
    struct err why = ERR_INIT;
    bool hmac = strcmp(v[GATEWAY_HOOK_AUTH].text, "hmac-sha256") == 0;
    if (hmac && !(v[GATEWAY_HOOK_HEADER].given && v[GATEWAY_HOOK_SECRET].given)) {
        snprintf(e->text, sizeof e->text,
                 "`hook_auth: hmac-sha256` needs `hook_secret` and `hook_header`");
        return false;
    }
    if (v[GATEWAY_RECEIPTS].given && v[GATEWAY_RECEIPTS].text[0] != '/') {
        snprintf(e->text, sizeof e->text, "`receipts` must be a JSON pointer: it begins with /");
        return false;
    }
    for (size_t i = 0; i < GATEWAY_HOOK_SETTINGS; i++) {
        if (!is_finder(i) || !v[i].given)
            continue;
        struct http_finder *f = http_finder_new(str_from(v[i].text), &why);
        if (!f) {
            snprintf(e->text, sizeof e->text, "`%s`: %.400s", names[i].name, why.text);
            return false;
        }
        http_finder_free(f);
    }
    return true;
}
