/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of a campaign stand in the file as lists in lists and come out as one: each step
 * knows where it goes on. While a list is read, what goes on behind it is OPEN in its steps; the
 * list around it closes that, once it knows what comes next.
 */
#include "config.h"

#include "rules/campaign_steps.h"

#include "base/arena.h"
#include "rules/campaign_internal.h"
#include "rules/campaign_keys.h"
#include "rules/campaign_send.h"
#include "rules/campaign_step_ids.h"
#include "rules/campaign_values.h"
#include "rules/campaign_wait.h"

#include <assert.h>
#include <stddef.h>

#define STEPS_MOST 500u
#define DEPTH_MOST 8
#define VARIANTS_MOST 50u
#define OPEN SIZE_MAX

struct steps {
    struct form_reader *r;
    struct step *list;
    struct campaign_step_note *notes;
    size_t n, cap;
    int depth;
    bool full; /* too many or too deep: said once, the rest is not read */
};

/* ---- tables */

struct step_draft {
    struct str id;
    const struct ynode *when, *send, *wait, *branch, *split, *update, *emit, *stop;
};

struct arm_draft {
    const struct ynode *when, *steps, *otherwise;
};

struct split_draft {
    struct str id;
    const struct ynode *variants;
};

struct variant_draft {
    const struct ynode *share, *steps;
};

#define NODE(type_of, name, member)                               \
    .key = name, .type = FORM_CUSTOM, .read = campaign_read_node, \
    .offset = offsetof(struct type_of, member)

static const struct form arm_form = {
    .what = "a branch's part",
    .help = "`when` a condition holds, `steps`; or `else`, the steps when none did",
    .schema = "{\"oneOf\":[{\"required\":[\"when\",\"steps\"]},{\"required\":[\"else\"]}]}",
    .fields =
        (const struct form_field[]){
            {NODE(arm_draft, "when", when), .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "the condition in CEL under which its steps "
                     "are done"},
            {NODE(arm_draft, "steps", steps), .sub = &campaign_steps_form, .shape = FORM_LIST_OF,
             .least = 1, .help = "what is done then"},
            {NODE(arm_draft, "else", otherwise), .sub = &campaign_steps_form, .shape = FORM_LIST_OF,
             .least = 1, .help = "what is done when no condition held"},
            {0}},
};

static const struct form variant_form = {
    .what = "a variant",
    .help = "One way that customers go by chance",
    .fields = (const struct form_field[]){{NODE(variant_draft, "share", share), .required = true,
                                           .schema = "{\"type\":\"string\",\"pattern\":\"^[0-9]+("
                                                     "[.][0-9]+)?%$\"}",
                                           .help = "how many of the customers; all shares make "
                                                   "100%",
                                           .example = "50%"},
                                          {NODE(variant_draft, "steps", steps), .required = true,
                                           .sub = &campaign_steps_form, .shape = FORM_LIST_OF,
                                           .help = "what is done with them; `[]`: nothing"},
                                          {0}},
};

static const struct form split_form = {
    .what = "`split`",
    .help = "Customers go different ways by chance, each always the same",
    .fields =
        (const struct form_field[]){{.key = "id",
                                     .type = FORM_NAME,
                                     .offset = offsetof(struct split_draft, id),
                                     .help = "what chance hangs on: as long as it stays, "
                                             "nobody changes sides",
                                     .example = "subject"},
                                    {NODE(split_draft, "variants", variants), .required = true,
                                     .sub = &variant_form, .shape = FORM_MAP_OF, .least = 1,
                                     .help = "the ways, by name"},
                                    {0}},
};

const struct form campaign_steps_form = {
    .what = "a step",
    .help = "One step of the campaign: one of send, wait, branch, split, update, emit, stop",
    .name = "step",
    .schema = "{\"oneOf\":[{\"required\":[\"send\"]},{\"required\":[\"wait\"]},{\"required\":["
              "\"branch\"]},{\"required\":[\"split\"]},{\"required\":[\"update\"]},{\"required\":["
              "\"emit\"]},{\"required\":[\"stop\"]}]}",
    .fields =
        (const struct form_field[]){
            {.key = "id",
             .type = FORM_NAME,
             .offset = offsetof(struct step_draft, id),
             .help = "a name for it that stays when the file is edited; by default that of the "
                     "template, or the kind and a number"},
            {NODE(step_draft, "when", when), .schema = CAMPAIGN_TEXT_SCHEMA,
             .help = "a condition in CEL; the step is passed over when it does not hold",
             .example = "customer.country == \"TW\""},
            {NODE(step_draft, "send", send), .sub = &campaign_send_form,
             .help = "a message to the customer",
             .example = "{ channel: email, topic: offers, template: welcome }"},
            {NODE(step_draft, "wait", wait), .sub = &campaign_wait_form,
             .schema = CAMPAIGN_WAIT_SCHEMA,
             .help = "a pause: a span, until an instant, the next time of a day, or an event",
             .example = "3d"},
            {NODE(step_draft, "branch", branch), .sub = &arm_form, .shape = FORM_LIST_OF,
             .least = 1,
             .help = "different steps for different customers: the first part whose `when` holds"},
            {NODE(step_draft, "split", split), .sub = &split_form,
             .help = "different steps by chance"},
            {NODE(step_draft, "update", update), .schema = CAMPAIGN_VALUES_SCHEMA,
             .help = "attributes of the customer to be set: values, or `{ cel: ... }` that gives "
                     "one",
             .example = "{ tier: gold }"},
            {NODE(step_draft, "emit", emit), .sub = &campaign_values_emit_form,
             .help = "an event of the customer", .example = "{ event: club.joined }"},
            {NODE(step_draft, "stop", stop),
             .schema = "{\"anyOf\":[{\"const\":true},{\"type\":\"string\",\"minLength\":1}]}",
             .help = "ends the journey: `true`, or the reason in words", .example = "true"},
            {0}},
};

/* ---- the list that comes out */

static size_t add(struct steps *x, const struct step *s, const struct campaign_step_note *note) {
    if (x->n == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 8;
        x->list = arena_grow(x->r->a, x->list, x->n * sizeof *x->list, cap * sizeof *x->list);
        x->notes = arena_grow(x->r->a, x->notes, x->n * sizeof *x->notes, cap * sizeof *x->notes);
        x->cap = cap;
    }
    x->list[x->n] = *s;
    x->notes[x->n] = *note;
    return x->n++;
}

/* What was open in the steps from `from` on goes on at `to`. */
static void close_from(struct steps *x, size_t from, size_t to) {
    for (size_t i = from; i < x->n; i++) {
        struct step *s = &x->list[i];
        if (s->next == OPEN)
            s->next = to;
        if (s->otherwise == OPEN)
            s->otherwise = to;
        if (s->kind != STEP_SPLIT)
            continue;
        struct step_variant *variants = (struct step_variant *)s->u.split.variants;
        for (size_t k = 0; k < s->u.split.n_variants; k++)
            if (variants[k].first == OPEN)
                variants[k].first = to;
    }
}

static void read_step(struct steps *x, const struct ynode *item);

/* Leaves open what goes on behind the list. False: it has no step. */
static bool read_list(struct steps *x, const struct ynode *node, const char *what) {
    size_t first = x->n, from;
    if (!form_want_list(x->r, node, what))
        return false;
    if (x->depth == DEPTH_MOST && !x->full) {
        form_error(x->r, node, "steps in steps in steps: more than %d deep", DEPTH_MOST)->hint =
            S("let the campaign emit an event that starts another one");
        x->full = true;
    }
    x->depth++;
    for (size_t i = 0; i < node->n && !x->full; i++) {
        from = x->n;
        if (i > 0)
            close_from(x, first, from);
        read_step(x, node->items[i]);
    }
    x->depth--;
    return x->n > first;
}

static void need_steps(struct steps *x, const struct ynode *node, const char *what) {
    if (!read_list(x, node, what) && node->kind == Y_LIST && node->n == 0)
        form_error(x->r, node, "%s is empty: it would do nothing", what);
}

static const struct cel_program *read_when(struct steps *x, const struct ynode *node,
                                           const char *if_true, const char *if_false) {
    const struct campaign_context *context = x->r->ctx;
    const struct cel_program *p = condition_compile(x->r, context->scope, node, true, "`when`");
    campaign_warn_of_constant(x->r, node, p, "`when`", if_true, if_false);
    return p;
}

/* ---- each kind: `node` is what stands under its key, *s has what stands beside it */

static void read_send(struct steps *x, const struct ynode *node, struct step *s,
                      struct campaign_step_note *o) {
    struct str id = STR_NONE;
    s->kind = STEP_SEND;
    campaign_send_read(x->r, node, &s->u.send, &id);
    if (id.n && s->id.n)
        form_error(x->r, ynode_get(node, S("id")), "the step has an `id` already");
    else if (id.n)
        s->id = id;
    if (id.n)
        o->node = ynode_get(node, S("id"));
    add(x, s, o);
}

static void read_wait(struct steps *x, const struct ynode *node, struct step *s,
                      struct campaign_step_note *o) {
    const struct ynode *on_timeout;
    s->kind = STEP_WAIT;
    campaign_wait_read(x->r, node, &s->u.wait, &on_timeout);
    size_t at = add(x, s, o);
    if (!on_timeout)
        return;
    x->list[at].otherwise = x->n;
    need_steps(x, on_timeout, "`on_timeout`");
    if (x->n == at + 1)
        x->list[at].otherwise = OPEN;
}

/* One condition of a branch, which goes on at the next one when it does not hold. */
static size_t read_arm(struct steps *x, const struct ynode *item, const struct arm_draft *d,
                       struct step *s, struct campaign_step_note *o) {
    s->kind = STEP_GO;
    s->at = ynode_place(x->r->file, item);
    s->when =
        read_when(x, d->when, "no part behind it is ever reached", "its steps are never done");
    s->when_text = d->when->text;
    size_t at = add(x, s, o);
    x->list[at].next = x->n;
    need_steps(x, d->steps, "`steps`");
    if (x->n == at + 1)
        x->list[at].next = OPEN;
    return at;
}

/* What is wrong with the keys of a part; false: it cannot be read. */
static bool check_arm(struct steps *x, const struct ynode *item, const struct arm_draft *d,
                      bool last) {
    if (item->kind != Y_MAP)
        return false;
    if (d->otherwise && (d->when || d->steps))
        form_error(x->r, item, "a part of a branch is `when` with `steps`, or `else`");
    else if (d->otherwise && !last)
        form_error(x->r, item, "`else` must be the last part of the branch");
    else if (!d->otherwise && !(d->when && d->steps))
        form_error(x->r, item, "a part of a branch needs `when` and `steps`, or `else`")->hint =
            S("for example `- { when: customer.country == \"TW\", steps: [...] }`");
    else
        return true;
    return false;
}

static void read_branch(struct steps *x, const struct ynode *node, struct step *s,
                        struct campaign_step_note *o) {
    size_t first = OPEN, before = OPEN;
    if (!form_want_list(x->r, node, "`branch`"))
        return;
    if (node->n == 0)
        form_error(x->r, node, "`branch` is empty: it would do nothing");
    if (s->when) { /* the whole branch is passed over: a step of its own */
        s->kind = STEP_GO;
        first = add(x, s, o);
        x->list[first].next = x->n;
    }
    for (size_t i = 0; i < node->n && !x->full; i++) {
        struct arm_draft d = {.when = NULL};
        struct step arm = {.id = first == OPEN ? s->id : STR_NONE, .next = OPEN, .otherwise = OPEN};
        struct campaign_step_note note = {o->node, o->word, first == OPEN ? CAMPAIGN_NO_ARM : first,
                                          (int)i + 1 + (s->when != NULL)};
        form_read(x->r, &arm_form, node->items[i], &d);
        if (!check_arm(x, node->items[i], &d, i + 1 == node->n))
            continue;
        if (before != OPEN)
            x->list[before].otherwise = x->n;
        if (d.otherwise) {
            need_steps(x, d.otherwise, "`else`");
            continue;
        }
        before = read_arm(x, node->items[i], &d, &arm, &note);
        first = first == OPEN ? before : first;
    }
}

/* "the shares make 90%: 10% are missing" */
static void check_shares(struct steps *x, const struct ynode *node, uint64_t sum) {
    if (sum == CAMPAIGN_PPM)
        return;
    bool less = sum < CAMPAIGN_PPM;
    double difference = less ? (double)(CAMPAIGN_PPM - sum) : (double)(sum - CAMPAIGN_PPM);
    struct diag *d = form_error(x->r, node, "the shares of the variants make %g%%: %g%% %s",
                                (double)sum * 100 / CAMPAIGN_PPM, difference * 100 / CAMPAIGN_PPM,
                                less ? "are missing" : "too much");
    d->hint = S("they must make 100% together; thirds are 33.33%, 33.33% and 33.34%");
}

static void read_variants(struct steps *x, const struct ynode *node, size_t at,
                          struct step_variant *list) {
    uint64_t sum = 0;
    bool whole = true;
    for (size_t i = 0; i < node->n && !x->full; i++) {
        const struct ynode *key = node->pairs[i].key, *value = node->pairs[i].value;
        struct variant_draft d = {.share = NULL};
        struct step_variant *v = &list[x->list[at].u.split.n_variants++];
        *v = (struct step_variant){.name = key->text, .first = x->n};
        if (!form_want_name(x->r, key, "a variant's name"))
            whole = false;
        form_read(x->r, &variant_form, value, &d);
        whole = d.share && campaign_keys_share(x->r, d.share, "`share`", &v->share_ppm) && whole;
        sum += v->share_ppm;
        if (!d.steps || !read_list(x, d.steps, "`steps`"))
            v->first = OPEN;
    }
    if (whole)
        check_shares(x, node, sum);
}

static void read_split(struct steps *x, const struct ynode *node, struct step *s,
                       struct campaign_step_note *o) {
    struct split_draft d = {.variants = NULL};
    if (!form_want_map(x->r, node, "`split`"))
        return;
    form_read(x->r, &split_form, node, &d);
    if (!d.variants || !form_want_map(x->r, d.variants, "`variants`"))
        return;
    if (d.variants->n == 0 || d.variants->n > VARIANTS_MOST) {
        form_error(x->r, d.variants, "a split has from 1 to %u variants", VARIANTS_MOST);
        return;
    }
    struct step_variant *list = ARENA_ARRAY(x->r->a, struct step_variant, d.variants->n);
    if (!s->id.n && d.id.n) {
        s->id = d.id;
        o->node = ynode_get(node, S("id"));
    }
    s->kind = STEP_SPLIT;
    s->u.split = (struct step_split){.id = d.id, .variants = list};
    read_variants(x, d.variants, add(x, s, o), list);
}

static void read_update(struct steps *x, const struct ynode *node, struct step *s,
                        struct campaign_step_note *o) {
    s->kind = STEP_UPDATE;
    campaign_values_update(x->r, node, &s->u.values);
    add(x, s, o);
}

static void read_emit(struct steps *x, const struct ynode *node, struct step *s,
                      struct campaign_step_note *o) {
    s->kind = STEP_EMIT;
    campaign_values_emit(x->r, node, &s->u.values);
    add(x, s, o);
}

static void read_stop(struct steps *x, const struct ynode *node, struct step *s,
                      struct campaign_step_note *o) {
    s->kind = STEP_STOP;
    if (!form_want_text(x->r, node, "`stop`"))
        return;
    if (!node->quoted && str_eq(node->text, S("false")))
        form_error(x->r, node, "`stop` is `true` or a reason")->hint =
            S("for a condition write `when` beside it");
    else if (node->quoted || !str_eq(node->text, S("true")))
        s->u.reason = node->text;
    add(x, s, o);
}

/* ---- one step */

static const struct kind {
    const char *key;
    size_t offset; /* of the node in struct step_draft */
    void (*read)(struct steps *x, const struct ynode *node, struct step *s,
                 struct campaign_step_note *o);
} kinds[] = {
    {"send", offsetof(struct step_draft, send), read_send},
    {"wait", offsetof(struct step_draft, wait), read_wait},
    {"branch", offsetof(struct step_draft, branch), read_branch},
    {"split", offsetof(struct step_draft, split), read_split},
    {"update", offsetof(struct step_draft, update), read_update},
    {"emit", offsetof(struct step_draft, emit), read_emit},
    {"stop", offsetof(struct step_draft, stop), read_stop},
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* The kind that the step's keys name; NULL: none or several, which is said. */
static const struct kind *kind_of(struct steps *x, const struct ynode *item) {
    const struct kind *found = NULL;
    for (size_t i = 0; i < KINDS; i++) {
        if (!ynode_get(item, str_from(kinds[i].key)))
            continue;
        if (found) {
            form_error(x->r, item, "a step does one thing, not `%s` and `%s`", found->key,
                       kinds[i].key)
                ->hint = S("write each as a step of its own, which begins with `- `");
            return NULL;
        }
        found = &kinds[i];
    }
    if (!found && item->kind == Y_MAP && form_knows(&campaign_steps_form, item))
        form_error(x->r, item,
                   "a step needs `send`, `wait`, `branch`, `split`, `update`, `emit` or `stop`")
            ->hint =
            S("for example `- send: { channel: email, topic: offers, template: welcome }`");
    return found;
}

static void read_step(struct steps *x, const struct ynode *item) {
    struct step_draft d = {.when = NULL};
    struct step s = {.at = ynode_place(x->r->file, item), .next = OPEN, .otherwise = OPEN};
    form_read(x->r, &campaign_steps_form, item, &d);
    const struct kind *k = kind_of(x, item);
    const struct ynode *id = ynode_get(item, S("id"));
    if (!k)
        return;
    if (x->n >= STEPS_MOST) {
        form_error(x->r, item, "more than %u steps in one campaign", STEPS_MOST);
        x->full = true;
        return;
    }
    struct campaign_step_note note = {
        .node = id ? id : item, .word = k->key, .first_arm = CAMPAIGN_NO_ARM};
    s.id = d.id;
    if (d.when) {
        s.when = read_when(x, d.when, "leave it out", "the step is never done");
        s.when_text = d.when->text;
    }
    const struct ynode *node = *(const struct ynode **)(void *)((char *)&d + k->offset);
    if (node)
        k->read(x, node, &s, &note);
}

void campaign_steps_read(struct form_reader *r, const struct ynode *node, struct campaign *c) {
    struct steps x = {.r = r};
    need_steps(&x, node, "`steps`");
    close_from(&x, 0, x.n);
    campaign_step_ids(r, x.list, x.notes, x.n, c->migrate == MIGRATE_MOVE);
    c->steps = x.list;
    c->n_steps = x.n;
}
