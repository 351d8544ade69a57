/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/fault.h"
#include "cli/setup.h"
#include "engine/registry.h"
#include "engine/response/inbound_mail.h"

#include <errno.h>
#include <stdio.h>
#include <sysexits.h>

/* What is longer is read to its end, so that the mail server is not left with a broken pipe. */
static bool read_mail(struct arena *a, struct str *out, struct err *e) {
    struct buf b = BUF_IN(a);
    char rest[8192];
    size_t n;
    do {
        bool full = b.n >= INBOUND_MOST;
        n = fread(full ? rest : buf_reserve(&b, sizeof rest), 1, sizeof rest, stdin);
        b.n += full ? 0 : n;
    } while (n > 0);
    *out = b.n ? buf_str(&b) : S("");
    return !ferror(stdin) ||
           err_set(e, ERR_TEMPORARY, "the mail could not be read: %s", strerror(errno));
}

static bool take(const struct setup *s, struct str recipient, struct str mail, struct err *e) {
    struct inbound_mail m;
    struct str secret;
    struct db_reply *reply = NULL;
    if (!registry_secret(s->conninfo, s->arena, &secret, e))
        return false;
    inbound_mail_read(s->arena, secret, &s->workspace->settings.bounces, recipient, mail, &m);
    struct dbsync *db = dbsync_open(s->conninfo, e);
    bool ok = db && dbsync_run(db, &m.call, 1, &reply, e);
    if (db && !ok && e->kind != ERR_TEMPORARY) { /* something in it that no database takes */
        fprintf(stderr, "godwit inbound: kept as unrecognised: %s\n", e->text);
        ok = dbsync_run(db, &m.bare, 1, &reply, e);
    }
    if (ok) {
        fault_point("inbound.committed");
        struct str became = db_text(reply->result[0], 0, 0);
        printf("%.*s\n", STR_FMT(inbound_mail_summary(s->arena, &m, became)));
        db_reply_free(reply);
    }
    dbsync_close(db);
    email_bounce_shutdown();
    return ok;
}

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    struct str mail;
    struct arena *a = arena_new(65536);
    int status = EXIT_DONE;
    if (!read_mail(a, &mail, &e))
        status = setup_fail(args, &e);
    else if (!setup_database_anyway(args, &s))
        status = EXIT_WRONG;
    else {
        if (!take(&s, str_from(args_get(args, "recipient")), mail, &e))
            status = setup_fail(args, &e);
        setup_close(&s);
    }
    arena_free(a);
    return status;
}

static const struct command_option options[] = {
    {"recipient", 'r', "ADDRESS",
     "whom the envelope names; for servers that write no Delivered-To"},
    {0},
};

const struct command cmd_inbound = {
    .name = "inbound",
    .arguments = "",
    .summary = "Takes a bounce, complaint or reply from standard input.",
    .about =
        "For a mail server's pipe. Exit 0: what the mail tells is committed, or the mail was kept\n"
        "as one that tells nothing; the same mail twice counts once. Exit 75 (EX_TEMPFAIL): it "
        "could\n"
        "not be taken now, by whatever fault; the server keeps it and tries again.",
    .example = "  godwit inbound -C /srv/acme < mail\n"
               "  # Postfix, master.cf:\n"
               "  godwit unix - n n - - pipe flags=RX user=godwit\n"
               "    argv=/usr/bin/godwit inbound -C /srv/acme --recipient ${original_recipient}",
    .options = options,
    .least = 0,
    .most = 0,
    .failure = EX_TEMPFAIL,
    .run = run,
};
