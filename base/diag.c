/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/diag.h"

#include "base/arena.h"

#include <stdlib.h>

#define MAX_DIAGS 1000u
#define MAX_LINE 200u /* characters of a source line that are shown */

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
    return str_dup(a, part);
}

struct diag *diags_add(struct diags *d, enum diag_severity severity, struct place at,
                       struct str source, const char *fmt, ...) {
    static struct diag overflow;
    if (severity == DIAG_ERROR)
        d->errors++;
    else if (severity == DIAG_WARNING)
        d->warnings++;
    if (d->n == MAX_DIAGS)
        return &overflow;
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

/* Prints text with control characters made visible: a diagnostic quotes files
 * that anybody may have written. */
static size_t print_safely(FILE *out, struct str s, size_t max_chars) {
    size_t chars = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c & 0xc0) != 0x80 && ++chars > max_chars)
            return i;
        fputc(c < ' ' || c == 0x7f ? (c == '\t' ? ' ' : '?') : c, out);
    }
    return s.n;
}

static void print_source(const struct diag *x, FILE *out, bool colour) {
    int width = fprintf(out, "  %d", x->place.line);
    fputs(" | ", out);
    print_safely(out, x->line, MAX_LINE);
    if (x->place.column > 0 && (size_t)x->place.column <= MAX_LINE) {
        fprintf(out, "\n%*s | ", width, "");
        int column = 1;
        for (size_t i = 0; i < x->line.n && column < x->place.column; i++) {
            unsigned char c = (unsigned char)x->line.p[i];
            if ((c & 0xc0) == 0x80)
                continue;
            /* East Asian wide characters take two columns on a terminal */
            fputs(c >= 0xe1 ? "  " : " ", out);
            column++;
        }
        fputs(colour ? "\033[1;32m^" : "^", out);
        for (int i = 1; i < x->place.length && i < (int)MAX_LINE; i++)
            fputc('~', out);
        if (colour)
            fputs("\033[0m", out);
    }
    fputc('\n', out);
    if (x->hint.n)
        fprintf(out, "%*s = %.*s\n", width, "", STR_FMT(x->hint));
}

void diags_print(const struct diags *d, FILE *out, bool colour) {
    static const struct {
        const char *name, *paint;
    } kinds[] = {{"error", "\033[1;31m"}, {"warning", "\033[1;33m"}, {"note", "\033[1;36m"}};
    for (size_t i = 0; i < d->n; i++) {
        const struct diag *x = &d->list[i];
        print_safely(out, x->place.file, 4096);
        if (x->place.line > 0)
            fprintf(out, ":%d", x->place.line);
        if (x->place.column > 0)
            fprintf(out, ":%d", x->place.column);
        fprintf(out, "%s%s%s%s: ", x->place.file.n ? ": " : "",
                colour ? kinds[x->severity].paint : "", kinds[x->severity].name,
                colour ? "\033[0m" : "");
        print_safely(out, x->text, 2000);
        fputc('\n', out);
        if (x->line.n)
            print_source(x, out, colour);
        else if (x->hint.n)
            fprintf(out, "    = %.*s\n", STR_FMT(x->hint));
    }
    if (d->errors + d->warnings > d->n)
        fprintf(out, "... and more; the first %zu are shown\n", d->n);
}
