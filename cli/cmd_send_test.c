/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/wallclock.h"
#include "cli/sample.h"
#include "engine/delivery/render.h"
#include "engine/delivery/send_once.h"
#include "engine/registry.h"

#include <stdio.h>

#define MARK "[test] "

/* A message as the outbox would hold it, but with no number, so that its links lead nowhere. */
static struct outbox_message message_of(const struct sample *x, struct str to, struct str input,
                                        struct str locale) {
    return (struct outbox_message){
        .campaign = x->campaign->name,
        .step = x->step->id,
        .occurrence = S("test"),
        .version = str_from(x->campaign->version),
        .address = to,
        .topic = x->step->u.send.topic,
        .locale = locale,
        .template = template_name(x->template),
        .input = input,
        .queued_us = wallclock_now(),
    };
}

static bool send_message(struct setup *s, const struct sample *x, const struct outbox_message *m,
                         struct err *e) {
    struct keyring keys;
    struct render render = {.keys = &keys, .locales = locales_new()};
    struct channel_message out;
    struct str hash;
    char answer[600];
    const struct settings_channel *c =
        settings_channel(&s->workspace->settings, x->step->u.send.channel);
    bool ok = registry_secret(s->conninfo, s->arena, &render.secret, e) &&
              registry_keys(s->conninfo, &keys, e) &&
              render_message(s->workspace, m, settings_channel_kind(c), &render, s->arena, &out,
                             &hash, e);
    if (ok) {
        struct str subject = str_printf(s->arena, MARK "%.*s", (int)out.subject.n, out.subject.p);
        if (out.subject.n)
            out.subject = (struct channel_text){subject.p, subject.n};
        ok = send_once(s->workspace, c, &out, answer, sizeof answer, e);
        if (!ok)
            err_context(e, "channel %.*s", STR_FMT(c->name));
    }
    locales_free(render.locales);
    if (ok)
        printf("sent to %.*s through %.*s%s%s\n", STR_FMT(m->address), STR_FMT(c->name),
               answer[0] ? ": " : "", answer);
    return ok;
}

static int run(const struct args *args) {
    struct setup s;
    struct err e = ERR_INIT;
    struct sample x;
    struct str input, locale;
    const char *key = args_get(args, "customer"), *to = args_get(args, "to");
    if (!key || !to)
        return args_usage(args, "--customer and --to must be given");
    if (!setup_database(args, &s))
        return EXIT_WRONG;
    bool ok = sample_find(s.workspace, str_from(args->positional[0]), &x, &e) &&
              sample_input(&s, &x, str_from(key), &input, &locale, &e);
    if (ok) {
        const char *other = args_get(args, "locale");
        struct outbox_message m =
            message_of(&x, str_from(to), input, other ? str_from(other) : locale);
        ok = send_message(&s, &x, &m, &e);
    }
    setup_close(&s);
    return ok ? EXIT_DONE : setup_fail(args, &e);
}

static const struct command_option options[] = {
    {"customer", 0, "KEY", "whose data it is made from"},
    {"to", 0, "ADDRESS", "where it goes: your own address or number"},
    {"locale", 0, "LOCALE", "in this one instead of the customer's"},
    {0},
};

const struct command cmd_send_test = {
    .name = "send-test",
    .arguments = "CAMPAIGN|TEMPLATE",
    .summary = "Sends one message to yourself, as a customer would get it.",
    .about =
        "Made from the customer's profile and last event, sent through the campaign's channel to\n"
        "the address given, with " MARK "in front of the subject. Nothing is recorded, no gate is\n"
        "asked, and its unsubscribe link belongs to nobody.",
    .example = "  godwit send-test welcome --customer c-1042 --to me@acme.example\n"
               "  godwit send-test welcome --customer c-1042 --to me@acme.example --locale zh-TW",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run,
};
