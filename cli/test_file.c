/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/test_file.h"

#include "base/arena.h"
#include "base/wallclock.h"

#include <stddef.h>

/* In the order of enum outcome. */
static const char *const outcome_words[] = {"send",   "held_out", "suppressed", "capped",
                                            "failed", "stale",    "error",      NULL};

static const char *const response_words[] = {"delivered", "open",       "click",
                                             "bounce",    "complaint",  "unsubscribe",
                                             "reply",     "conversion", NULL};

static void read_at(struct form_reader *r, const struct ynode *node, void *out);
static void read_map(struct form_reader *r, const struct ynode *node, void *out);
static void read_subscribed(struct form_reader *r, const struct ynode *node, void *out);
static void read_unsubscribed(struct form_reader *r, const struct ynode *node, void *out);
static void read_suppressed(struct form_reader *r, const struct ynode *node, void *out);
static void read_events(struct form_reader *r, const struct ynode *node, void *out);
static void read_expects(struct form_reader *r, const struct ynode *node, void *out);

#define AT_SCHEMA "{\"type\":\"string\",\"minLength\":10}"
#define MAP_SCHEMA "{\"type\":\"object\"}"
#define NAMES_SCHEMA "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"

static const struct form consent_form = {
    .what = "a consent",
    .help = "A topic on a channel",
    .fields = (const struct form_field[]){{.key = "channel",
                                           .type = FORM_TEXT,
                                           .required = true,
                                           .offset = offsetof(struct profile_consent, channel),
                                           .help = "the channel, or \"*\" for all",
                                           .example = "email"},
                                          {.key = "topic",
                                           .type = FORM_TEXT,
                                           .required = true,
                                           .offset = offsetof(struct profile_consent, topic),
                                           .help = "the topic, or \"*\" for all",
                                           .example = "offers"},
                                          {0}},
};

static const struct form customer_form = {
    .what = "a customer",
    .help = "The customer of the test",
    .fields = (const struct form_field[]){{.key = "key",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct test_case, profile.key),
                                           .help = "what the customer is called"},
                                          {.key = "email",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct test_case, profile.email),
                                           .help = "the email address"},
                                          {.key = "phone",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct test_case, profile.phone),
                                           .help = "the phone number"},
                                          {.key = "locale",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct test_case, profile.locale),
                                           .help = "such as zh-TW"},
                                          {.key = "timezone",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct test_case, profile.timezone),
                                           .help = "such as Asia/Taipei"},
                                          {.key = "attributes",
                                           .type = FORM_CUSTOM,
                                           .read = read_map,
                                           .schema = MAP_SCHEMA,
                                           .offset = offsetof(struct test_case, profile.attributes),
                                           .help = "the attributes, by name"},
                                          {.key = "subscribed",
                                           .type = FORM_CUSTOM,
                                           .read = read_subscribed,
                                           .sub = &consent_form,
                                           .shape = FORM_LIST_OF,
                                           .help = "topics said yes to"},
                                          {.key = "unsubscribed",
                                           .type = FORM_CUSTOM,
                                           .read = read_unsubscribed,
                                           .sub = &consent_form,
                                           .shape = FORM_LIST_OF,
                                           .help = "topics said no to"},
                                          {.key = "suppressed",
                                           .type = FORM_CUSTOM,
                                           .read = read_suppressed,
                                           .schema = NAMES_SCHEMA,
                                           .help = "channels on which the address is suppressed"},
                                          {0}},
};

static const struct form event_form = {
    .what = "an event",
    .help = "Something the customer does, or a response to a message",
    .fields = (const struct form_field[]){{.key = "at",
                                           .type = FORM_CUSTOM,
                                           .read = read_at,
                                           .required = true,
                                           .offset = offsetof(struct test_event, at_us),
                                           .schema = AT_SCHEMA,
                                           .help = "when",
                                           .example = "2026-03-01T10:00:00Z"},
                                          {.key = "event",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct test_event, name),
                                           .help = "the event's name",
                                           .example = "order.placed"},
                                          {.key = "respond",
                                           .type = FORM_CHOICE,
                                           .choices = response_words,
                                           .offset = offsetof(struct test_event, respond),
                                           .help = "instead of an event: what became of a message",
                                           .example = "click"},
                                          {.key = "campaign",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct test_event, campaign),
                                           .help = "with `respond`: to the newest message of "
                                                   "which campaign",
                                           .example = "welcome"},
                                          {.key = "properties",
                                           .type = FORM_CUSTOM,
                                           .read = read_map,
                                           .schema = MAP_SCHEMA,
                                           .offset = offsetof(struct test_event, properties),
                                           .help = "its properties; with `respond` those of the "
                                                   "event that it is, such as `url`"},
                                          {0}},
};

static const struct form expect_form = {
    .what = "an expectation",
    .help = "What a campaign must decide; every message that is sent must be listed",
    .fields = (const struct form_field[]){{.key = "campaign",
                                           .type = FORM_TEXT,
                                           .required = true,
                                           .offset = offsetof(struct test_expect, campaign),
                                           .help = "the campaign's name",
                                           .example = "welcome"},
                                          {.key = "outcome",
                                           .type = FORM_CHOICE,
                                           .choices = outcome_words,
                                           .offset = offsetof(struct test_expect, outcome),
                                           .help = "what becomes of it; send by default"},
                                          {.key = "at",
                                           .type = FORM_CUSTOM,
                                           .read = read_at,
                                           .offset = offsetof(struct test_expect, at_us),
                                           .schema = AT_SCHEMA,
                                           .help = "when"},
                                          {.key = "step",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct test_expect, step),
                                           .help = "the step's id"},
                                          {.key = "template",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct test_expect, template),
                                           .help = "the template"},
                                          {.key = "channel",
                                           .type = FORM_TEXT,
                                           .offset = offsetof(struct test_expect, channel),
                                           .help = "the channel"},
                                          {0}},
};

const struct form test_file_form = {
    .what = "a test",
    .help = "A customer, what they do, and which messages must come of it",
    .fields = (const struct form_field[]){{.key = "test",
                                           .type = FORM_TEXT,
                                           .required = true,
                                           .offset = offsetof(struct test_case, name),
                                           .help = "what it shows, in a sentence",
                                           .example = "a new customer is greeted once"},
                                          {.key = "customer",
                                           .type = FORM_SUB,
                                           .required = true,
                                           .sub = &customer_form,
                                           .help = "who it is about",
                                           .example = "{ key: mei, email: mei@example.com }"},
                                          {.key = "from",
                                           .type = FORM_CUSTOM,
                                           .read = read_at,
                                           .schema = AT_SCHEMA,
                                           .offset = offsetof(struct test_case, from_us),
                                           .help = "when the clock begins; with the first event "
                                                   "by default"},
                                          {.key = "until",
                                           .type = FORM_CUSTOM,
                                           .read = read_at,
                                           .schema = AT_SCHEMA,
                                           .offset = offsetof(struct test_case, until_us),
                                           .help = "up to when what becomes due is done; the last "
                                                   "instant that is told of by default"},
                                          {.key = "events",
                                           .type = FORM_CUSTOM,
                                           .read = read_events,
                                           .required = true,
                                           .sub = &event_form,
                                           .shape = FORM_LIST_OF,
                                           .help = "what they do, in order"},
                                          {.key = "expect",
                                           .type = FORM_CUSTOM,
                                           .read = read_expects,
                                           .required = true,
                                           .sub = &expect_form,
                                           .shape = FORM_LIST_OF,
                                           .help = "what must come of it; [] for no message"},
                                          {0}},
};

void test_file_read(struct arena *a, const struct yamlfile *file, const struct zone *zone,
                    const struct test_case **out, size_t *n, struct diags *d) {
    struct form_reader r = {.a = a, .file = file, .d = d, .ctx = (void *)zone}; /* read only */
    *out = NULL;
    *n = 0;
    if (!file->root || !form_want_list(&r, file->root, "the file of tests"))
        return;
    struct test_case *list = ARENA_ARRAY(a, struct test_case, file->root->n + 1);
    for (size_t i = 0; i < file->root->n; i++) {
        struct test_case *t = &list[(*n)++];
        t->node = file->root->items[i];
        t->profile = (struct profile){.id = 1, .key = S("somebody")};
        form_read(&r, &test_file_form, t->node, t);
    }
    *out = list;
}

struct str test_file_response(int kind) {
    return str_from(response_words[kind]);
}

static void read_at(struct form_reader *r, const struct ynode *node, void *out) {
    struct err e = ERR_INIT;
    int64_t seconds;
    uint32_t nanos;
    if (!form_want_text(r, node, "`at`"))
        return;
    if (wallclock_parse(node->text, r->ctx, &seconds, &nanos, &e))
        *(int64_t *)out = seconds * WALLCLOCK_US_PER_S + nanos / 1000;
    else
        form_error(r, node, "%s", e.text);
}

static void read_map(struct form_reader *r, const struct ynode *node, void *out) {
    if (form_want_map(r, node, "this"))
        *(struct value *)out = ynode_value(r->a, node);
}

static void add_consents(struct form_reader *r, const struct ynode *node, struct profile *p,
                         bool subscribed) {
    if (!form_want_list(r, node, subscribed ? "`subscribed`" : "`unsubscribed`"))
        return;
    struct profile_consent *list =
        ARENA_ARRAY(r->a, struct profile_consent, p->n_consents + node->n + 1);
    for (size_t i = 0; i < p->n_consents; i++)
        list[i] = p->consents[i];
    for (size_t i = 0; i < node->n; i++) {
        struct profile_consent *c = &list[p->n_consents++];
        form_read(r, &consent_form, node->items[i], c);
        c->subscribed = subscribed;
    }
    p->consents = list;
}

static void read_subscribed(struct form_reader *r, const struct ynode *node, void *out) {
    add_consents(r, node, &((struct test_case *)out)->profile, true);
}

static void read_unsubscribed(struct form_reader *r, const struct ynode *node, void *out) {
    add_consents(r, node, &((struct test_case *)out)->profile, false);
}

static void read_suppressed(struct form_reader *r, const struct ynode *node, void *out) {
    struct profile *p = &((struct test_case *)out)->profile;
    if (!form_want_list(r, node, "`suppressed`"))
        return;
    struct profile_suppression *list = ARENA_ARRAY(r->a, struct profile_suppression, node->n + 1);
    for (size_t i = 0; i < node->n; i++)
        if (form_want_text(r, node->items[i], "a channel"))
            list[p->n_suppressions++] =
                (struct profile_suppression){node->items[i]->text, S("as the test says")};
    p->suppressions = list;
}

static void read_events(struct form_reader *r, const struct ynode *node, void *out) {
    struct test_case *t = out;
    if (!form_want_list(r, node, "`events`"))
        return;
    struct test_event *list = ARENA_ARRAY(r->a, struct test_event, node->n + 1);
    for (size_t i = 0; i < node->n; i++) {
        struct test_event *e = &list[t->n_events++];
        e->node = node->items[i];
        e->respond = -1;
        form_read(r, &event_form, e->node, e);
        if (!e->name.n && e->respond < 0)
            form_error(r, e->node, "this needs `event`, or `respond` and `campaign`");
        else if (e->name.n && e->respond >= 0)
            form_error(r, e->node, "this is either an `event` or a response (`respond`)");
        else if (e->respond >= 0 && !e->campaign.n)
            form_error(r, e->node, "`respond` needs `campaign`: to whose message");
        else if (e->name.n && e->campaign.n)
            form_error(r, e->node, "`campaign` belongs to `respond`");
    }
    t->events = list;
}

static void read_expects(struct form_reader *r, const struct ynode *node, void *out) {
    struct test_case *t = out;
    if (!form_want_list(r, node, "`expect`"))
        return;
    struct test_expect *list = ARENA_ARRAY(r->a, struct test_expect, node->n + 1);
    for (size_t i = 0; i < node->n; i++) {
        struct test_expect *e = &list[t->n_expects++];
        e->node = node->items[i];
        form_read(r, &expect_form, e->node, e);
    }
    t->expects = list;
}
