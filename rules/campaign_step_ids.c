/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/campaign_step_ids.h"

#include "base/arena.h"

struct naming {
    struct form_reader *r;
    struct step *list;
    const struct campaign_step_note *notes;
    size_t n;
};

static bool is_taken(const struct naming *x, struct str id) {
    for (size_t i = 0; i < x->n; i++)
        if (str_eq(x->list[i].id, id))
            return true;
    return false;
}

/* "wait-2": the second of its kind, or the next number that is free. */
static void give_number(struct naming *x, size_t i) {
    struct str id;
    int number = 1;
    for (size_t k = 0; k < i; k++)
        number += x->notes[k].first_arm == CAMPAIGN_NO_ARM &&
                  strcmp(x->notes[k].word, x->notes[i].word) == 0;
    do
        id = str_printf(x->r->a, "%s-%d", x->notes[i].word, number++);
    while (is_taken(x, id));
    x->list[i].id = id;
}

static void warn_of_number(struct naming *x, size_t i) {
    if (x->list[i].kind != STEP_WAIT)
        return;
    struct diag *d = form_warning(x->r, x->notes[i].node,
                                  "with `migrate: move` this wait needs an `id`: `%.*s` is another "
                                  "one when a wait is added above",
                                  STR_FMT(x->list[i].id));
    d->hint = S("write for example `id: pause` beside it");
}

static void check_unique(struct naming *x, const bool *given) {
    for (size_t i = 1; i < x->n; i++)
        for (size_t k = 0; k < i; k++) {
            const struct step *s = &x->list[i], *other = &x->list[k];
            if (!str_eq(s->id, other->id))
                continue;
            struct diag *d =
                form_error(x->r, x->notes[i].node, "there is a step `%.*s` already, on line %d",
                           STR_FMT(s->id), other->at.line);
            if (!given[i])
                d->hint = S("a message is named after its template: give one of them an `id`");
            break;
        }
}

void campaign_step_ids(struct form_reader *r, struct step *list,
                       const struct campaign_step_note *notes, size_t n, bool moves) {
    struct naming x = {r, list, notes, n};
    bool *given = ARENA_ARRAY(r->a, bool, n + 1);
    for (size_t i = 0; i < n; i++) {
        given[i] = list[i].id.n > 0;
        if (!given[i] && list[i].kind == STEP_SEND)
            list[i].id = list[i].u.send.template;
    }
    for (size_t i = 0; i < n; i++) {
        if (list[i].id.n || notes[i].first_arm != CAMPAIGN_NO_ARM)
            continue;
        give_number(&x, i);
        if (moves)
            warn_of_number(&x, i);
    }
    for (size_t i = 0; i < n; i++) {
        if (!list[i].id.n)
            list[i].id =
                str_printf(r->a, "%.*s.%d", STR_FMT(list[notes[i].first_arm].id), notes[i].arm);
        if (list[i].kind == STEP_SPLIT && !list[i].u.split.id.n)
            list[i].u.split.id = list[i].id;
    }
    check_unique(&x, given);
}
