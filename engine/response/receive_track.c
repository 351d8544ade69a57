/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/wallclock.h"
#include "engine/response/inflate.h"
#include "engine/response/receive_internal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define RETRY_BUSY_S 2
#define RETRY_AWAY_S 5

struct track_visit {
    struct visit *visit;
    struct api_batch batch;
};

/* ---- who sends */

/* The user's name of `Authorization: Basic`; the password is not looked at. */
static struct str basic_user(struct arena *a, struct str header) {
    struct str code = str_trim(str_sub(header, 6, header.n));
    if (!str_eq_nocase(str_sub(header, 0, 6), S("Basic ")) || code.n > 1024 || code.n % 4)
        return STR_NONE;
    unsigned char *out = arena_alloc(a, code.n + 4);
    int n = EVP_DecodeBlock(out, (const unsigned char *)code.p, (int)code.n);
    if (n <= 0)
        return STR_NONE;
    struct str both = str_of((const char *)out, (size_t)n);
    ptrdiff_t colon = str_find(both, S(":"));
    return colon < 0 ? STR_NONE : str_sub(both, 0, (size_t)colon);
}

static bool is_key(const struct receive *rc, struct str key) {
    bool found = false;
    for (size_t i = 0; i < rc->n_write_keys; i++)
        if (key.n == rc->write_keys[i].n && CRYPTO_memcmp(key.p, rc->write_keys[i].p, key.n) == 0)
            found = true;
    return found;
}

/* The key in the header and the one in the body must not differ; one of them must be there. */
static bool may_write(const struct visit *v, struct str header, struct str body) {
    if (header.n && body.n && !str_eq(header, body))
        return false;
    struct str key = header.n ? header : body;
    return key.n && is_key(v->rc, key);
}

/* ---- answers */

static void answer_done(struct track_visit *t) {
    struct visit *v = t->visit;
    struct map *m = map_new(v->arena, 4);
    struct buf b = BUF_IN(v->arena);
    map_set_str(v->arena, m, S("success"), value_bool(true));
    if (t->batch.rejected) {
        map_set_str(v->arena, m, S("rejected"), value_int((int64_t)t->batch.rejected));
        map_set_str(v->arena, m, S("reason"), value_str(t->batch.complaint));
    }
    json_write(&b, value_map(m));
    receive_answer(v, 200, S("application/json"), buf_str(&b), NULL);
}

static void on_recorded(void *ctx, const struct err *e) {
    struct track_visit *t = ctx;
    if (!e)
        answer_done(t);
    else if (e->kind == ERR_TEMPORARY)
        receive_problem(t->visit, 503, "The database is away; send it again", STR_NONE,
                        RETRY_AWAY_S);
    else
        receive_problem(t->visit, 400, "The database refuses this", STR_NONE, 0);
}

static void record(struct track_visit *t, struct str call) {
    struct visit *v = t->visit;
    struct receive *rc = v->rc;
    if (t->batch.rejected && !str_eq(call, S("batch"))) {
        rc->rejected++;
        receive_problem(v, 400, "This cannot be taken", t->batch.complaint, 0);
        return;
    }
    size_t rejected = t->batch.rejected, skipped = t->batch.skipped;
    struct str complaint = t->batch.complaint;
    if (t->batch.n == 0) {
        answer_done(t);
    } else {
        enum track_answer answer = track_add(rc->track, &t->batch, on_recorded, t);
        if (answer == TRACK_BUSY)
            receive_problem(v, 429, "Too much at once; send it again", STR_NONE, RETRY_BUSY_S);
        else if (answer == TRACK_AWAY)
            receive_problem(v, 503, "The database is away; send it again", STR_NONE, RETRY_AWAY_S);
        if (answer != TRACK_TAKEN)
            return; /* it comes again, and is counted then */
    }
    rc->rejected += (int64_t)rejected;
    rc->skipped += (int64_t)skipped;
    if (rejected)
        log_warn("items of a batch over HTTP were left out", LOG_I("items", rejected),
                 LOG_S("first", complaint));
}

/* ---- the request */

static bool is_call(struct str call) {
    static const char *const calls[] = {"track", "identify", "page", "alias",
                                        "batch", "screen",   "group"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (str_eq(call, str_from(calls[i])))
            return true;
    return false;
}

static bool read_body(struct track_visit *t, struct str call, struct err *e) {
    struct visit *v = t->visit;
    struct str body = http_body(v->request);
    struct str encoding = http_header(v->request, "Content-Encoding");
    if (str_eq_nocase(encoding, S("gzip"))) {
        if (!inflate_body(v->arena, body, API_BATCH_BYTES, &body, e))
            return false;
    } else if (encoding.n && !str_eq_nocase(encoding, S("identity"))) {
        return err_set(e, ERR_INPUT, "the Content-Encoding is neither gzip nor identity");
    }
    return event_api_read(v->arena, call, body, wallclock_now(), &t->batch, e);
}

void receive_track(struct visit *v) {
    struct track_visit *t = ARENA_NEW(v->arena, struct track_visit);
    struct str call = v->rest, authorization = http_header(v->request, "Authorization");
    struct str header = basic_user(v->arena, authorization);
    struct err e = ERR_INIT;
    t->visit = v;
    if (!is_call(call))
        receive_problem(v, 404, "There is no such call", STR_NONE, 0);
    else if (authorization.n && !is_key(v->rc, header)) /* nothing is read for strangers */
        receive_problem(v, 401, "This write key is not known", STR_NONE, 0);
    else if (!read_body(t, call, &e))
        receive_problem(v, 400, "This cannot be read", str_from(e.text), 0);
    else if (!may_write(v, header, t->batch.write_key))
        receive_problem(v, 401, "A write key is missing, not known, or two differ", STR_NONE, 0);
    else
        record(t, call);
}
