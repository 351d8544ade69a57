/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/email_mime.h"
#include "cli/setup.h"
#include "engine/delivery/render.h"
#include "engine/registry.h"
#include "engine/sql_text.h"

#include <stdio.h>

static const struct db_stmt st_read = {"message_read", sql_message_read};

/* Columns of message_read.sql behind those of a claim. */
enum { COLUMN_STATUS = 17, COLUMN_CHANNEL, COLUMN_HASH, COLUMN_SOURCES };

/* The templates as they were when the message was sent; the workspace's when it was not yet. */
static bool find_template(struct setup *s, const struct db_result *r,
                          const struct outbox_message *m, const struct template_set **set,
                          const struct message_template **t, struct err *e) {
    struct diags d;
    *set = s->workspace->template_set;
    if (!db_is_null(r, 0, COLUMN_SOURCES)) {
        struct template_set *old = template_set_new(s->arena);
        diags_init(&d, s->arena);
        if (!template_set_unbundle(old, db_text(r, 0, COLUMN_SOURCES), &d, e))
            return false;
        *set = old;
    } else {
        fputs("godwit message: not sent yet; shown with the template as it is now\n", stderr);
    }
    *t = template_find(*set, m->template, NULL);
    return *t || err_set(e, ERR_INPUT, "there is no template `%.*s`", STR_FMT(m->template));
}

static void print(struct channel_text t) {
    fwrite(t.p, 1, t.n, stdout);
}

static bool print_part(struct arena *a, const char *part, const struct channel_message *m,
                       struct err *e) {
    static const char *const names[] = {"subject", "text", "html", "sms", "body"};
    const struct channel_text texts[] = {m->subject, m->text, m->html, m->sms, m->body};
    if (part && strcmp(part, "raw") != 0) {
        for (size_t i = 0; i < 5; i++)
            if (strcmp(part, names[i]) == 0) {
                print(texts[i]);
                return true;
            }
        return err_set(e, ERR_INPUT, "`%s` is no part; use raw, subject, text, html, sms or body",
                       part);
    }
    if (m->kind != CHANNEL_EMAIL) {
        print(m->kind == CHANNEL_SMS ? m->sms : m->body);
        return true;
    }
    struct email_mail mail;
    if (!email_mime_compose(a, m, &mail, e))
        return false;
    fwrite(mail.data.p, 1, mail.data.n, stdout);
    return true;
}

static bool show(const struct args *args, struct setup *s, const struct db_result *r,
                 struct err *e) {
    struct outbox_message m;
    struct channel_message out;
    const struct template_set *set = NULL;
    const struct message_template *t = NULL;
    struct keyring keys;
    struct render render = {.keys = &keys, .locales = locales_new()};
    outbox_claimed(r, 0, &m);
    const struct settings_channel *c =
        settings_channel(&s->workspace->settings, db_text(r, 0, COLUMN_CHANNEL));
    bool ok = true;
    if (db_is_null(r, 0, 11))
        ok = err_set(
            e, ERR_INPUT,
            "this message was held out or its customer erased: there is nothing to make it from");
    else if (!c)
        ok = err_set(e, ERR_INPUT, "there is no channel `%.*s` any more",
                     STR_FMT(db_text(r, 0, COLUMN_CHANNEL)));
    ok = ok && registry_secret(s->conninfo, s->arena, &render.secret, e) &&
         registry_keys(s->conninfo, &keys, e) && find_template(s, r, &m, &set, &t, e) &&
         render_with(set, t, &m, settings_channel_kind(c), &render, s->arena, &out, e) &&
         print_part(s->arena, args_get(args, "part"), &out, e);
    locales_free(render.locales);
    return ok;
}

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    int64_t id;
    if (strcmp(args->positional[0], "show") != 0)
        return args_usage(args, "`%s` is not `show`", args->positional[0]);
    if (!str_to_int64(str_from(args->positional[1]), &id))
        return args_usage(args, "`%s` is not the number of a message", args->positional[1]);
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    struct db_reply *reply = NULL;
    struct dbsync *db = dbsync_open(s.conninfo, &e);
    struct db_params *p = db_params(s.arena);
    db_param_int8(p, id);
    bool ok = db && dbsync_query(db, &st_read, p, &reply, &e);
    if (ok && db_rows(reply->result[0]) == 0)
        ok = err_set(&e, ERR_INPUT, "there is no message %lld", (long long)id);
    ok = ok && show(args, &s, reply->result[0], &e);
    db_reply_free(reply);
    dbsync_close(db);
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"part", 0, "PART",
     "raw (default: the whole as it was sent), subject, text, html, sms or body"},
    {0},
};

const struct command cmd_message = {
    .name = "message",
    .arguments = "show ID",
    .summary = "Shows a message exactly as it was sent.",
    .about = "It is rendered again, byte for byte, from the template of that time (kept by its\n"
             "hash) and the small input that was stored with it. The number of a message is in\n"
             "godwit.report_messages and in `godwit explain`.",
    .example = "  godwit message show 4711\n  godwit message show 4711 --part html > mail.html",
    .options = options,
    .least = 2,
    .most = 2,
    .run = run,
};
