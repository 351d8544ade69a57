/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/cel_internal.h"

#define ISSUES_MAX 100u /* of one expression; more help nobody */

void cel_issues_init(struct cel_issues *issues, struct arena *a) {
    *issues = (struct cel_issues){.arena = a};
}

struct cel_issue *cel_issue_add(struct cel_issues *issues, size_t offset, size_t length,
                                const char *fmt, ...) {
    if (issues->n == ISSUES_MAX) {
        issues->errors++;
        return NULL;
    }
    if (issues->n == issues->cap) {
        size_t cap = issues->cap ? issues->cap * 2 : 4;
        issues->list = arena_grow(issues->arena, issues->list, issues->cap * sizeof *issues->list,
                                  cap * sizeof *issues->list);
        issues->cap = cap;
    }
    va_list ap;
    va_start(ap, fmt);
    struct str text = str_vprintf(issues->arena, fmt, ap);
    va_end(ap);
    size_t at = issues->n++;
    while (at > 0 && issues->list[at - 1].offset > offset) {
        issues->list[at] = issues->list[at - 1];
        at--;
    }
    issues->list[at] = (struct cel_issue){.offset = offset, .length = length, .text = text};
    issues->errors++;
    return &issues->list[at];
}

void cel_issue_nearest(struct cel_issues *issues, struct cel_issue *i, struct str wrong,
                       const struct str *names, size_t n) {
    struct str near = i ? str_nearest(wrong, names, n) : STR_NONE;
    if (near.n)
        i->hint = str_printf(issues->arena, "did you mean `%.*s`?", STR_FMT(near));
}
