/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/diag.h"

#include "base/arena.h"

#include <stdlib.h>

#define MAX_DIAGS 1000u
#define MAX_TEXT 2000u /* characters of a message */
#define MAX_LINE 200u  /* characters of a source line that are shown */

void diags_init(struct diags *d, struct arena *a) {
    *d = (struct diags){.arena = a};
}

static struct str cut_line(struct arena *a, struct str source, int line) {
    struct str rest = source, part = STR_NONE;
    if (line < 1 || !source.p)
        return STR_NONE;
    for (int i = 0; i < line; i++)
        if (!str_split(&rest, '\n', &part))
            return STR_NONE;
    if (part.n && part.p[part.n - 1] == '\r')
        part.n--;
    return str_dup(a, str_sub(part, 0, MAX_LINE * 4)); /* a thousand may quote one long line */
}

struct diag *diags_add(struct diags *d, enum diag_severity severity, struct place at,
                       struct str source, const char *fmt, ...) {
    if (severity == DIAG_ERROR)
        d->errors++;
    else if (severity == DIAG_WARNING)
        d->warnings++;
    if (d->n == MAX_DIAGS) {
        d->dropped++;
        d->spare = (struct diag){.severity = severity};
        return &d->spare;
    }
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 16;
        d->list = arena_grow(d->arena, d->list, d->n * sizeof *d->list, cap * sizeof *d->list);
        d->cap = cap;
    }
    va_list ap;
    va_start(ap, fmt);
    struct diag *x = &d->list[d->n++];
    *x = (struct diag){.severity = severity, .place = at};
    x->place.file = str_dup(d->arena, at.file);
    x->text = str_vprintf(d->arena, fmt, ap);
    x->line = cut_line(d->arena, source, at.line);
    va_end(ap);
    return x;
}

static int by_place(const void *pa, const void *pb) {
    const struct diag *a = pa, *b = pb;
    int c = str_cmp(a->place.file, b->place.file);
    if (!c)
        c = (a->place.line > b->place.line) - (a->place.line < b->place.line);
    if (!c)
        c = (a->place.column > b->place.column) - (a->place.column < b->place.column);
    if (!c)
        c = (int)a->severity - (int)b->severity;
    return c ? c : str_cmp(a->text, b->text);
}

void diags_sort(struct diags *d) {
    if (d->n == 0)
        return;
    qsort(d->list, d->n, sizeof *d->list, by_place);
    size_t kept = 1;
    for (size_t i = 1; i < d->n; i++) {
        if (by_place(&d->list[i], &d->list[kept - 1]) != 0) {
            d->list[kept++] = d->list[i];
            continue;
        }
        if (d->list[i].severity == DIAG_ERROR)
            d->errors--;
        else if (d->list[i].severity == DIAG_WARNING)
            d->warnings--;
    }
    d->n = kept;
}

/* Columns of a terminal that a character takes: the East Asian wide ranges of
 * UAX #11 and the emoji take two, combining marks none. */
static int columns_of(uint32_t c) {
    static const struct {
        uint32_t from, to;
        int columns;
    } ranges[] = {
        {0x0300, 0x036f, 0},   {0x1100, 0x115f, 2},   {0x200b, 0x200f, 0},   {0x2e80, 0x303e, 2},
        {0x3041, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
        {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2},
        {0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].from && c <= ranges[i].to)
            return ranges[i].columns;
    return 1;
}

/* Takes the next character off s; what cannot be shown (control characters, C1 and
 * the marks that turn the direction of text among them, broken UTF-8) becomes `?`. */
static struct str next_char(struct str *s, uint32_t *code) {
    size_t n = str_utf8(*s, code);
    struct str c = str_of(s->p, n ? n : 1);
    *s = str_of(s->p + c.n, s->n - c.n);
    if (n && *code == '\t')
        *code = ' ';
    bool hidden = !n || *code < ' ' || (*code >= 0x7f && *code < 0xa0) ||
                  (*code >= 0x2028 && *code <= 0x202e) || (*code >= 0x2066 && *code <= 0x2069);
    if (hidden)
        *code = '?';
    return hidden ? S("?") : *code == ' ' ? S(" ") : c;
}

static void print_safely(FILE *out, struct str s, size_t max_chars) {
    uint32_t code;
    for (size_t chars = 0; s.n && chars < max_chars; chars++) {
        struct str c = next_char(&s, &code);
        fwrite(c.p, 1, c.n, out);
    }
}

/* Under the line: spaces up to the column, then a caret and as many tildes as
 * the marked characters are wide. */
static void print_caret(FILE *out, const struct place *at, struct str line, bool colour) {
    uint32_t code = 0;
    int column = 1, wide = 0;
    for (; column < at->column && line.n; column++) {
        next_char(&line, &code);
        fprintf(out, "%*s", columns_of(code), "");
    }
    fputs(colour ? "\033[1;32m^" : "^", out);
    for (int i = 0; line.n && i < at->length && column + i <= (int)MAX_LINE; i++) {
        next_char(&line, &code);
        wide += columns_of(code);
    }
    for (; wide > 1; wide--)
        fputc('~', out);
    if (colour)
        fputs("\033[0m", out);
}

static void print_hint(FILE *out, int indent, struct str hint) {
    fprintf(out, "%*s = ", indent, "");
    print_safely(out, hint, MAX_TEXT);
    fputc('\n', out);
}

static void print_source(const struct diag *x, FILE *out, bool colour) {
    int width = fprintf(out, "  %d", x->place.line);
    fputs(" | ", out);
    print_safely(out, x->line, MAX_LINE);
    if (x->place.column > 0 && (size_t)x->place.column <= MAX_LINE) {
        fprintf(out, "\n%*s | ", width, "");
        print_caret(out, &x->place, x->line, colour);
    }
    fputc('\n', out);
    if (x->hint.n)
        print_hint(out, width, x->hint);
}

void diags_print(const struct diags *d, FILE *out, bool colour) {
    static const struct {
        const char *name, *paint;
    } kinds[] = {{"error", "\033[1;31m"}, {"warning", "\033[1;33m"}, {"note", "\033[1;36m"}};
    for (size_t i = 0; i < d->n; i++) {
        const struct diag *x = &d->list[i];
        print_safely(out, x->place.file, MAX_TEXT);
        if (x->place.file.n && x->place.line > 0)
            fprintf(out, ":%d", x->place.line);
        if (x->place.file.n && x->place.column > 0)
            fprintf(out, ":%d", x->place.column);
        fprintf(out, "%s%s%s%s: ", x->place.file.n ? ": " : "",
                colour ? kinds[x->severity].paint : "", kinds[x->severity].name,
                colour ? "\033[0m" : "");
        print_safely(out, x->text, MAX_TEXT);
        fputc('\n', out);
        if (x->line.n)
            print_source(x, out, colour);
        else if (x->hint.n)
            print_hint(out, 3, x->hint);
    }
    if (d->dropped)
        fprintf(out, "... and %zu more; the first %zu are shown\n", d->dropped, d->n);
}
