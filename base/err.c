/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* After a cut in the middle of a UTF-8 sequence, removes its beginning. */
static void mend_tail(char *s, size_t cap) {
    size_t n = strlen(s);
    if (n + 1 < cap)
        return;
    while (n && ((unsigned char)s[n - 1] & 0xc0) == 0x80)
        s[--n] = 0;
    if (n && (unsigned char)s[n - 1] >= 0xc0)
        s[n - 1] = 0;
}

static void flatten(char *s) {
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            *s = ' ';
}

bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...) {
    if (!e)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    e->kind = kind;
    mend_tail(e->text, sizeof e->text);
    flatten(e->text);
    return false;
}

bool err_context(struct err *e, const char *fmt, ...) {
    if (!e)
        return false;
    char inner[sizeof e->text];
    memcpy(inner, e->text, sizeof inner);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->text)
        snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s", inner);
    mend_tail(e->text, sizeof e->text);
    flatten(e->text);
    return false;
}

const char *err_kind_name(enum err_kind kind) {
    static const char *const names[] = {"none", "input", "temporary", "permanent", "bug"};
    return names[kind];
}
