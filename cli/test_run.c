/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/test_run.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "engine/decide/timeline.h"
#include "rules/own_events.h"

struct happened {
    struct decision decision;
    int64_t at_us;
};

/* One test while it runs. */
struct running {
    const struct yamlfile *file;
    const struct workspace *w;
    const struct test_case *test;
    struct arena *a;
    struct diags *d;
    struct timeline_options options;
    struct timeline timeline;
    struct profile_response *responses; /* room for one an event of the test */
    struct happened *happened;
    size_t n_happened, cap_happened;
    bool *used; /* one for each expectation */
};

static struct diag *fail(struct running *x, const struct ynode *node, struct str text) {
    struct str name = x->test->name;
    return diags_add(x->d, DIAG_ERROR, ynode_place(x->file, node), x->file->source, "%.*s: %.*s",
                     STR_FMT(name), STR_FMT(text));
}

static const struct ynode *node_of(const struct running *x, int64_t event) {
    bool own = event >= 1 && event <= (int64_t)x->test->n_events;
    return own ? x->test->events[event - 1].node : x->test->node;
}

static const char *when(const struct running *x, int64_t us) {
    char *text = arena_zalloc(x->a, 48);
    wallclock_format(us / WALLCLOCK_US_PER_S, 0, text, 48);
    return text;
}

/* ---- the timeline */

/* Messages that still waited and have a lower priority are not sent after all. */
static void make_room(struct running *x, const struct decision *d) {
    for (size_t i = 0; d->n_displaced && i < x->n_happened; i++) {
        struct decision *earlier = &x->happened[i].decision;
        if (earlier->outcome != OUTCOME_SEND || !decide_displaces(d, earlier))
            continue;
        earlier->outcome = OUTCOME_CAPPED;
        earlier->reason = str_printf(x->a, "made room for `%.*s`, of higher priority",
                                     STR_FMT(d->campaign->name));
    }
}

static bool on_decision(void *ctx, const struct decision *d, const struct profile *p, int64_t at_us,
                        struct err *e) {
    struct running *x = ctx;
    (void)p;
    (void)e;
    make_room(x, d);
    if (x->n_happened == x->cap_happened) {
        size_t cap = x->cap_happened ? x->cap_happened * 2 : 16;
        x->happened = arena_grow(x->a, x->happened, x->n_happened * sizeof *x->happened,
                                 cap * sizeof *x->happened);
        x->cap_happened = cap;
    }
    x->happened[x->n_happened++] = (struct happened){*d, at_us};
    return true;
}

/* From the first event up to the last instant that is told of. */
static void set_span(struct running *x) {
    const struct test_case *t = x->test;
    int64_t first = t->from_us, last = t->until_us;
    for (size_t i = 0; i < t->n_events; i++) {
        first = !first || t->events[i].at_us < first ? t->events[i].at_us : first;
        last = t->events[i].at_us > last ? t->events[i].at_us : last;
    }
    for (size_t i = 0; i < t->n_expects; i++)
        last = t->expects[i].at_us > last ? t->expects[i].at_us : last;
    x->options.from_us = first ? first : last;
    x->options.to_us = last + 1;
}

static bool start(struct running *x, struct err *e) {
    struct profile p = x->test->profile;
    set_span(x);
    p.created_us = x->options.from_us;
    x->responses = ARENA_ARRAY(x->a, struct profile_response, x->test->n_events + 1);
    p.responses = x->responses;
    x->used = arena_zalloc(x->a, x->test->n_expects + 1);
    x->options.workspace = x->w;
    x->options.ctx = x;
    x->options.on_decision = on_decision;
    if (!timeline_runs(x->w, x->options.from_us, x->options.to_us, x->a, &x->options.runs,
                       &x->options.n_runs, e))
        return false;
    timeline_begin(&x->timeline, &x->options, &p, x->a);
    return true;
}

static struct event event_of(const struct test_case *t, size_t i) {
    const struct test_event *e = &t->events[i];
    return (struct event){.id = (int64_t)i + 1,
                          .name = e->name,
                          .properties = e->properties,
                          .occurred_us = e->at_us,
                          .mode = EVENT_LIVE};
}

/* The event that a response is, as godwit.make_response_events() makes it. */
static struct value properties_of(struct running *x, const struct test_event *e,
                                  const struct decision *sent) {
    struct map *m = map_new(x->a, 8);
    map_set_str(x->a, m, S("campaign"), value_str(sent->campaign->id));
    map_set_str(x->a, m, S("version"), value_str(str_from(sent->campaign->version)));
    map_set_str(x->a, m, S("step"), value_str(sent->step->id));
    map_set_str(x->a, m, S("channel"), value_str(sent->channel));
    if (sent->topic.n)
        map_set_str(x->a, m, S("topic"), value_str(sent->topic));
    if (value_is(e->properties, V_MAP))
        for (size_t i = 0; i < e->properties.u.map->n; i++)
            map_set(x->a, m, e->properties.u.map->e[i].key, e->properties.u.map->e[i].value);
    return value_map(m);
}

/* A response to the newest message of its campaign that the test has sent. */
static bool respond(struct running *x, size_t nth, struct err *err) {
    const struct test_event *e = &x->test->events[nth];
    const struct decision *sent = NULL;
    struct str kind = test_file_response(e->respond);
    if (!timeline_advance(&x->timeline, e->at_us, err))
        return false;
    for (size_t i = 0; i < x->n_happened; i++)
        if (x->happened[i].decision.outcome == OUTCOME_SEND &&
            str_eq(x->happened[i].decision.campaign->name, e->campaign))
            sent = &x->happened[i].decision;
    if (!sent) {
        fail(x, e->node,
             str_printf(x->a, "`%.*s` has sent nothing by then that could be responded to",
                        STR_FMT(e->campaign)));
        return true;
    }
    struct profile *p = &x->timeline.profile;
    x->responses[p->n_responses++] = (struct profile_response){.campaign = sent->campaign->id,
                                                               .occurrence = sent->occurrence,
                                                               .kind = kind,
                                                               .at_us = e->at_us};
    const struct catalog_event *own = own_events_of_response(kind);
    if (!own)
        return true;
    struct event event = event_of(x->test, nth);
    event.name = own->name;
    event.properties = properties_of(x, e, sent);
    return timeline_event(&x->timeline, &event, err);
}

static bool happen(struct running *x, size_t i, struct err *err) {
    if (x->test->events[i].respond >= 0)
        return respond(x, i, err);
    struct event e = event_of(x->test, i);
    return timeline_event(&x->timeline, &e, err);
}

/* ---- comparing */

static bool fits(const struct test_expect *want, const struct happened *h) {
    const struct decision *d = &h->decision;
    return str_eq(want->campaign, d->campaign->name) && want->outcome == (int)d->outcome &&
           (want->at_us == 0 || want->at_us == h->at_us || want->at_us == d->due_us) &&
           (want->step.n == 0 || (d->step && str_eq(want->step, d->step->id))) &&
           (want->template.n == 0 || str_eq(want->template, d->template)) &&
           (want->channel.n == 0 || str_eq(want->channel, d->channel));
}

/* Every message needs its expectation; other outcomes may have one. */
static void compare_decision(struct running *x, const struct happened *h) {
    const struct decision *d = &h->decision;
    for (size_t i = 0; i < x->test->n_expects; i++)
        if (!x->used[i] && fits(&x->test->expects[i], h)) {
            x->used[i] = true;
            return;
        }
    if (d->outcome == OUTCOME_SEND)
        fail(x, node_of(x, d->event),
             str_printf(x->a, "`%.*s` sends `%.*s` at %s, which is not expected",
                        STR_FMT(d->campaign->name), STR_FMT(d->template), when(x, d->due_us)));
}

/* What happened instead: an outcome, or why the condition did not hold. */
static void say_why(struct running *x, const struct test_expect *want, struct diag *out) {
    const struct campaign *c = campaign_set_find(&x->w->rules, want->campaign);
    if (!c) {
        struct str *names = ARENA_ARRAY(x->a, struct str, x->w->rules.n_campaigns + 1);
        for (size_t i = 0; i < x->w->rules.n_campaigns; i++)
            names[i] = x->w->rules.campaigns[i]->name;
        struct str near = str_nearest(want->campaign, names, x->w->rules.n_campaigns);
        out->hint = near.n ? str_printf(x->d->arena, "did you mean `%.*s`?", STR_FMT(near))
                           : S("there is no such campaign");
        return;
    }
    for (size_t i = 0; i < x->n_happened; i++) {
        const struct happened *h = &x->happened[i];
        const struct decision *d = &h->decision;
        if (d->campaign != c || (want->at_us && want->at_us != h->at_us))
            continue;
        out->hint = str_printf(x->d->arena, "it ended as `%s`%s%.*s", outcome_name(d->outcome),
                               d->reason.n ? ": " : "", STR_FMT(d->reason));
        return;
    }
    for (size_t i = 0; i < x->n_happened; i++)
        if (x->happened[i].decision.campaign == c) {
            out->hint = str_printf(x->d->arena, "`%.*s` did something at %s", STR_FMT(c->name),
                                   when(x, x->happened[i].at_us));
            return;
        }
    out->hint = str_printf(x->d->arena, "nothing in the test starts `%.*s` for this customer",
                           STR_FMT(c->name));
}

static void compare(struct running *x) {
    for (size_t i = 0; i < x->n_happened; i++)
        compare_decision(x, &x->happened[i]);
    for (size_t i = 0; i < x->test->n_expects; i++) {
        const struct test_expect *want = &x->test->expects[i];
        if (x->used[i])
            continue;
        struct str text =
            want->outcome == OUTCOME_SEND
                ? str_printf(x->a, "`%.*s` was expected to send, and did not",
                             STR_FMT(want->campaign))
                : str_printf(x->a, "`%.*s` was expected to end as `%s`, and did not",
                             STR_FMT(want->campaign), outcome_name((enum outcome)want->outcome));
        say_why(x, want, fail(x, want->node, text));
    }
}

void test_run(const struct workspace *w, const struct yamlfile *file, const struct test_case *test,
              struct arena *a, struct diags *d) {
    struct running x = {.file = file, .w = w, .test = test, .a = a, .d = d};
    struct err e = ERR_INIT;
    bool ok = start(&x, &e);
    for (size_t i = 0; ok && i < test->n_events; i++)
        ok = happen(&x, i, &e);
    if (!ok || !timeline_end(&x.timeline, &e))
        fail(&x, test->node, str_from(e.text));
    else
        compare(&x);
}
