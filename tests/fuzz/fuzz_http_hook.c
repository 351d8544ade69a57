/* SPDX-License-Identifier: Apache-2.0
 *
 * What providers tell: whatever a request holds, the readers of Twilio's and of any gateway's end
 * with a result; a forged one reports nothing; reading twice gives the same. The input is a byte
 * that chooses, then lines: the query, the Content-Type, the signature (none: the right one), the
 * body.
 */
#include "config.h"

#include "base/arena.h"
#include "channels/hook.h"
#include "channels/http_gateway_hook.h"
#include "channels/twilio_hook.h"
#include "engine/response/keyword.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOKEN S("token")

struct request {
    struct arena *a;
    struct str query, type, signature, body;
    size_t reports;
    uint64_t sum; /* of all that was reported */
    size_t written;
};

static void must(bool ok) {
    if (!ok)
        abort();
}

static struct channel_text on_header(const struct channel_hook *h, const char *name) {
    const struct request *r = h->owner;
    return hook_text(strcmp(name, "Content-Type") == 0 ? r->type : r->signature);
}

static void add(struct request *r, struct channel_text t) {
    for (size_t i = 0; i < t.n; i++)
        r->sum = r->sum * 31 + (unsigned char)t.p[i];
}

static void on_report(const struct channel_hook *h, const struct channel_report *x) {
    static const struct settings_channel channel;
    struct request *r = h->owner;
    r->reports++;
    must(x->kind <= CHANNEL_INBOUND && x->bounce <= CHANNEL_BOUNCE_POLICY && x->at_us >= 0);
    add(r, x->reference);
    add(r, x->provider_id);
    add(r, x->code);
    add(r, x->text);
    add(r, x->from);
    add(r, x->to);
    int keyword = keyword_of(&channel, hook_str(x->text));
    must(keyword >= -1 && keyword < SETTINGS_KEYWORDS);
}

static void on_write(const struct channel_hook *h, const char *bytes, size_t n) {
    struct request *r = h->owner;
    r->written += n;
    for (size_t i = 0; i < n; i++)
        must(bytes[i] == '\n' || bytes[i] == '\t' || (unsigned char)bytes[i] >= 0x20);
}

static enum channel_bounce soft(int code) {
    must(code >= 0 && code <= 999999);
    return CHANNEL_BOUNCE_SOFT;
}

static enum channel_hook_result ask(int how, struct request *r) {
    struct channel_value v[GATEWAY_HOOK_SETTINGS] = {{0}};
    static const struct gateway_codes codes = {"1,2", "3", NULL};
    struct channel_hook h = {
        .owner = r,
        .post = how & 1,
        .reference = hook_text(how & 2 ? S("ref") : S("")),
        .url = hook_text(str_printf(r->a, "https://x/hooks/sms?%.*s", STR_FMT(r->query))),
        .query = hook_text(r->query),
        .body = hook_text(r->body),
        .header = on_header,
        .report = on_report,
        .write = on_write};
    enum channel_hook_result result;
    if (how & 4) {
        result = twilio_hook_receive(TOKEN, &h, soft);
        twilio_hook_answer(&h, hook_text(r->body));
        return result;
    }
    v[GATEWAY_HOOK_AUTH].text = "secret";
    v[GATEWAY_DELIVERED].text = "delivered";
    v[GATEWAY_FAILED].text = "failed";
    v[GATEWAY_RECEIPT_STATUS] = (struct channel_value){.given = true, .text = "/status"};
    v[GATEWAY_RECEIPT_ID] = (struct channel_value){.given = true, .text = "id=(\\w+)"};
    v[GATEWAY_INBOUND_FROM] = (struct channel_value){.given = true, .text = "/from"};
    v[GATEWAY_INBOUND_TEXT] = (struct channel_value){.given = true, .text = "/a/0/text"};
    if (how & 8)
        v[GATEWAY_RECEIPTS] = (struct channel_value){.given = true, .text = "/a"};
    result = gateway_hook_receive(v, &codes, &h);
    must((result == CHANNEL_HOOK_FORBIDDEN) == !(how & 2));
    gateway_hook_answer(&h, hook_text(r->body));
    return result;
}

/* What Twilio would sign: the URL, and the fields by name. */
static struct str sign(struct request *r, bool post) {
    struct buf b = BUF_IN(r->a);
    const struct post_form *f = post_form_read(r->a, r->type, r->body);
    bool used[POST_FIELDS] = {false};
    unsigned char mac[EVP_MAX_MD_SIZE], text[2 * EVP_MAX_MD_SIZE];
    unsigned n;
    const struct post_field *last = NULL;
    buf_printf(&b, "https://x/hooks/sms?%.*s", STR_FMT(r->query));
    for (size_t k = 0; post && k < f->n; k++) {
        size_t best = f->n;
        for (size_t i = 0; i < f->n; i++) {
            int order = best == f->n ? -1 : str_cmp(f->field[i].name, f->field[best].name);
            if (!used[i] &&
                (order < 0 || (order == 0 && str_cmp(f->field[i].value, f->field[best].value) < 0)))
                best = i;
        }
        used[best] = true;
        const struct post_field *x = &f->field[best];
        if (last && str_eq(last->name, x->name) && str_eq(last->value, x->value))
            continue;
        last = x;
        buf_add_str(&b, x->name);
        buf_add_str(&b, x->value);
    }
    must(HMAC(EVP_sha1(), "token", 5, (const unsigned char *)b.p, b.n, mac, &n) != NULL);
    return str_dup(r->a, str_of((const char *)text, (size_t)EVP_EncodeBlock(text, mac, (int)n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct request one = {.a = arena_new(0)}, two;
    struct str rest = str_of((const char *)data + 1, size ? size - 1 : 0);
    int how = size ? data[0] & 15 : 0;
    if (!size)
        rest = S("");
    if (!str_split(&rest, '\n', &one.query) || !str_split(&rest, '\n', &one.type) ||
        !str_split(&rest, '\n', &one.signature)) {
        arena_free(one.a);
        return 0;
    }
    one.body = rest.p ? rest : S("");
    bool forged = one.signature.n > 0;
    if (!forged && how & 4)
        one.signature = sign(&one, how & 1);
    two = one;
    enum channel_hook_result result = ask(how, &one);
    must(result <= CHANNEL_HOOK_UNREADABLE);
    must(result != CHANNEL_HOOK_FORBIDDEN || one.reports == 0);
    must(!(how & 4) || !forged || result == CHANNEL_HOOK_FORBIDDEN);
    must(!(how & 4) || forged || str_find(one.query, S("bodySHA256")) >= 0 ||
         result != CHANNEL_HOOK_FORBIDDEN || str_find(one.query, S("%")) >= 0);
    must(ask(how, &two) == result && two.reports == one.reports && two.sum == one.sum &&
         two.written == one.written);
    arena_free(one.a);
    return 0;
}
