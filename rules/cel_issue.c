/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/cel_internal.h"

#define ISSUES_MAX 100u /* of one expression; more help nobody */

void cel_issues_init(struct cel_issues *issues, struct arena *a) {
    *issues = (struct cel_issues){.arena = a};
}

/* At its place among the others; NULL: the list is full. */
static struct cel_issue *insert(struct cel_issues *issues, struct cel_issue x) {
    if (issues->n == ISSUES_MAX)
        return NULL;
    if (issues->n == issues->cap) {
        size_t cap = issues->cap ? issues->cap * 2 : 4;
        issues->list = arena_grow(issues->arena, issues->list, issues->cap * sizeof *issues->list,
                                  cap * sizeof *issues->list);
        issues->cap = cap;
    }
    size_t at = issues->n++;
    while (at > 0 && issues->list[at - 1].offset > x.offset) {
        issues->list[at] = issues->list[at - 1];
        at--;
    }
    issues->list[at] = x;
    return &issues->list[at];
}

struct cel_issue *cel_issue_add(struct cel_issues *issues, size_t offset, size_t length,
                                const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    struct str text = str_vprintf(issues->arena, fmt, ap);
    va_end(ap);
    issues->errors++;
    return insert(issues, (struct cel_issue){.offset = offset, .length = length, .text = text});
}

struct cel_issue *cel_warning_add(struct cel_issues *issues, size_t offset, size_t length,
                                  const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    struct str text = str_vprintf(issues->arena, fmt, ap);
    va_end(ap);
    return insert(issues, (struct cel_issue){
                              .offset = offset, .length = length, .warning = true, .text = text});
}

void cel_issue_nearest(struct cel_issues *issues, struct cel_issue *i, struct str wrong,
                       const struct str *names, size_t n) {
    struct str near = i ? str_nearest(wrong, names, n) : STR_NONE;
    if (near.n)
        i->hint = str_printf(issues->arena, "did you mean `%.*s`?", STR_FMT(near));
}
