/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/inbound_mail.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/token.h"
#include "engine/sql_text.h"

#include <inttypes.h>

#define KEPT_MOST 65536

static const struct db_stmt st_take = {"inbound_take", sql_inbound_take};

/* ---- which message */

/* "bounces+TOKEN@...", also as a forwarder's SRS has it: what stands before the last @. */
static bool by_address(struct inbound_mail *m, struct str secret, struct str address) {
    size_t at = address.n;
    while (at > 0 && address.p[at - 1] != '@')
        at--;
    size_t plus = at ? at - 1 : 0;
    while (plus > 0 && address.p[plus - 1] != '+')
        plus--;
    return plus > 0 && token_mail_check(secret, TOKEN_BOUNCE, str_sub(address, plus, at - 1),
                                        &m->shard, &m->message);
}

static bool by_id(struct inbound_mail *m, struct str secret, struct str id) {
    return token_mail_check(secret, TOKEN_MESSAGE_ID, str_sub(id, 0, TOKEN_MAIL_CHARS), &m->shard,
                            &m->message);
}

static bool find(struct inbound_mail *m, struct str secret, struct str recipient) {
    const struct email_report *r = &m->report;
    if (by_address(m, secret, recipient))
        return true;
    for (size_t i = 0; i < r->n_addresses; i++)
        if (by_address(m, secret, r->addresses[i]))
            return true;
    for (size_t i = 0; i < r->n_ids; i++)
        if (by_id(m, secret, r->ids[i]))
            return true;
    return false;
}

/* ---- what is recorded */

static void set(struct arena *a, struct map *m, const char *key, struct str text) {
    if (text.n)
        map_set_str(a, m, str_from(key), value_str(text));
}

static struct str reason_of(const struct email_report *r) {
    return r->kind == EMAIL_COMPLAINT ? r->feedback : r->diagnostic.n ? r->diagnostic : r->status;
}

static struct str details_of(struct arena *a, const struct email_report *r) {
    struct map *m = map_new(a, 12);
    struct buf b = BUF_IN(a);
    set(a, m, "reason", reason_of(r));
    set(a, m, "status", r->status);
    if (r->code)
        map_set_str(a, m, S("code"), value_int(r->code));
    set(a, m, "recipient", r->recipient);
    set(a, m, "reporting_mta", r->reporting_mta);
    set(a, m, "remote_mta", r->remote_mta);
    if (r->kind == EMAIL_REPLY) {
        set(a, m, "from", r->from);
        set(a, m, "subject", r->subject);
        set(a, m, "text", r->text);
    }
    set(a, m, "report", r->message_id);
    json_write(&b, value_map(m));
    return buf_str(&b);
}

/* What names the mail: its own Message-ID with what else does not change on its way; a mail
 * without one by all that is in it. */
static struct str name_of(struct arena *a, struct str secret, const struct email_report *r,
                          struct str mail) {
    unsigned char *mac = arena_alloc(a, DIGEST_MAC_BYTES);
    struct str parts[] = {S("inbound"), r->message_id, r->from,
                          r->date,      r->subject,    r->message_id.n ? S("") : mail};
    digest_mac(secret, parts, sizeof parts / sizeof *parts, mac);
    return str_of((const char *)mac, DIGEST_MAC_BYTES);
}

static struct db_call call_of(struct arena *a, const struct settings_bounces *rule,
                              const struct inbound_mail *m, struct str name, struct str mail,
                              bool bare) {
    const struct email_report *r = &m->report;
    enum email_report_kind kind = bare ? EMAIL_UNRECOGNISED : r->kind;
    struct db_params *p = db_params(a);
    db_param_bytea(p, name);
    db_param_text(p, str_from(email_report_kind_name(kind)));
    if (m->ours && !bare) {
        db_param_int2(p, (int16_t)m->shard);
        db_param_int8(p, m->message);
    } else {
        db_param_null(p, DB_INT2);
        db_param_null(p, DB_INT8);
    }
    db_param_text(p, str_from(bounce_class_name(r->verdict.class)));
    db_param_bool(p, r->verdict.reputation);
    db_param_jsonb(p, bare ? S("{}") : details_of(a, r));
    db_param_text(p, bare ? STR_NONE : r->from);
    db_param_text(p, bare ? STR_NONE : r->subject);
    db_param_bytea(p, str_sub(mail, 0, KEPT_MOST));
    db_param_int4(p, (int32_t)rule->soft_most);
    db_param_int8(p, rule->soft_over_us);
    db_param_int8(p, rule->pause_us);
    return (struct db_call){&st_take, p};
}

void inbound_mail_read(struct arena *a, struct str secret, const struct settings_bounces *rule,
                       struct str recipient, struct str mail, struct inbound_mail *out) {
    *out = (struct inbound_mail){.ours = false};
    mail = str_sub(mail, 0, INBOUND_MOST);
    email_bounce_read(a, mail, &out->report);
    out->ours = find(out, secret, recipient);
    if (out->report.kind == EMAIL_BOUNCE && out->report.verdict.class == BOUNCE_NONE)
        out->report.verdict.class = BOUNCE_SOFT; /* "failed", with a status of success */
    struct str name = name_of(a, secret, &out->report, mail);
    out->call = call_of(a, rule, out, name, mail, false);
    out->bare = call_of(a, rule, out, name, mail, true);
}

struct str inbound_mail_summary(struct arena *a, const struct inbound_mail *m, struct str became) {
    const struct email_report *r = &m->report;
    const char *class = r->kind == EMAIL_BOUNCE ? bounce_class_name(r->verdict.class) : NULL;
    struct buf b = BUF_IN(a);
    struct str reason = reason_of(r);
    buf_add_str(&b, became);
    if (class)
        buf_printf(&b, " (%s)", class);
    if (m->ours)
        buf_printf(&b, " of message %" PRId64, m->message);
    if (reason.n)
        buf_printf(&b, ": %.*s", STR_FMT(reason));
    return buf_str(&b);
}
