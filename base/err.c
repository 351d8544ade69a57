/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 sequence that the byte begins; 1 for a stray one. */
static size_t sequence_length(unsigned char c) {
    return c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
}

/* Removes the beginning of a UTF-8 sequence whose end was cut off. */
static void mend_tail(char *s) {
    size_t n = strlen(s), tail = 0;
    while (tail < 3 && tail < n && ((unsigned char)s[n - 1 - tail] & 0xc0) == 0x80)
        tail++;
    if (tail < n && sequence_length((unsigned char)s[n - 1 - tail]) > tail + 1)
        s[n - 1 - tail] = 0;
}

/* Control characters, C1 (U+0080..9F) among them, could drive a terminal. */
static void flatten(char *s) {
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s, after = (unsigned char)s[1];
        if (c == 0xc2 && after >= 0x80 && after <= 0x9f)
            s[0] = s[1] = ' ';
        else if (c < ' ' || c == 0x7f)
            *s = ' ';
    }
}

/* Through a text of its own: the arguments may point into e. */
static void settle(struct err *e, char text[sizeof e->text]) {
    mend_tail(text);
    flatten(text);
    memcpy(e->text, text, strlen(text) + 1);
}

bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...) {
    if (!e)
        return false;
    char text[sizeof e->text] = "";
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    e->kind = kind;
    settle(e, text);
    return false;
}

bool err_context(struct err *e, const char *fmt, ...) {
    if (!e)
        return false;
    char text[sizeof e->text] = "";
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n + 2 < sizeof text) {
        size_t rest = strnlen(e->text, sizeof text - (size_t)n - 3);
        memcpy(text + n, ": ", 2);
        memcpy(text + n + 2, e->text, rest);
        text[(size_t)n + 2 + rest] = 0;
    }
    settle(e, text);
    return false;
}

const char *err_kind_name(enum err_kind kind) {
    static const char *const names[] = {"none", "input", "temporary", "permanent", "bug"};
    return names[kind];
}
