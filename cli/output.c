/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/output.h"

#include "base/arena.h"
#include "base/json.h"

#include <stdarg.h>
#include <stdlib.h>
#include <wchar.h>

#define MAX_COLUMNS 32

struct output {
    FILE *to;
    enum output_format format;
    struct arena *arena; /* rows of the section, when they must be gathered */
    const char *const *columns;
    size_t n_columns;
    struct list *rows; /* table only: one list of cells after the other */
    size_t sections, n_rows;
};

bool output_format_parse(const char *name, enum output_format *out, struct err *e) {
    static const char *const names[] = {"table", "json", "csv", "html"};
    for (size_t i = 0; i < 4; i++)
        if (!name || strcmp(name, names[i]) == 0) {
            *out = (enum output_format)i;
            return true;
        }
    return err_set(e, ERR_INPUT, "`%s` is not a format; use table, json, csv or html", name);
}

static struct str cell_text(struct arena *a, struct value v) {
    if (value_is(v, V_NULL))
        return STR_NONE;
    if (value_is(v, V_STRING))
        return value_text(v);
    struct buf b = BUF_IN(a);
    json_write(&b, v);
    return value_is(v, V_TIMESTAMP) ? str_sub(buf_str(&b), 1, b.n - 1) : buf_str(&b);
}

static bool is_number(struct value v) {
    return v.type == V_INT || v.type == V_UINT || v.type == V_DOUBLE;
}

/* ---- table */

/* Columns that the text takes on a terminal; control characters count as one. */
static int width(struct str s) {
    int w = 0;
    mbstate_t st = {0};
    for (size_t i = 0; i < s.n;) {
        wchar_t c;
        size_t n = mbrtowc(&c, s.p + i, s.n - i, &st);
        if (n == 0 || n > s.n - i) {
            st = (mbstate_t){0};
            n = 1;
            c = L'?';
        }
        int cw = wcwidth(c);
        w += cw < 0 ? 1 : cw;
        i += n;
    }
    return w;
}

static void print_safe(FILE *to, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        fputc(c < ' ' || c == 0x7f ? ' ' : c, to);
    }
}

static void pad(FILE *to, int n) {
    while (n-- > 0)
        fputc(' ', to);
}

static void table_line(const struct output *o, const struct value *cells, const int *widths,
                       const bool *numeric) {
    for (size_t i = 0; i < o->n_columns; i++) {
        struct str s = cell_text(o->arena, cells[i]);
        int fill = widths[i] - width(s);
        if (i)
            fputs("  ", o->to);
        if (numeric[i])
            pad(o->to, fill);
        print_safe(o->to, s);
        if (!numeric[i] && i + 1 < o->n_columns)
            pad(o->to, fill);
    }
    fputc('\n', o->to);
}

static void table_flush(struct output *o) {
    int widths[MAX_COLUMNS];
    bool numeric[MAX_COLUMNS];
    struct value head[MAX_COLUMNS];
    for (size_t i = 0; i < o->n_columns; i++) {
        head[i] = value_str(str_from(o->columns[i]));
        widths[i] = width(value_text(head[i]));
        numeric[i] = o->n_rows > 0;
    }
    for (size_t i = 0; i < o->rows->n; i++) {
        size_t c = i % o->n_columns;
        int w = width(cell_text(o->arena, o->rows->v[i]));
        if (w > widths[c])
            widths[c] = w;
        numeric[c] = numeric[c] && (is_number(o->rows->v[i]) || value_is(o->rows->v[i], V_NULL));
    }
    table_line(o, head, widths, numeric);
    for (size_t i = 0; i < o->rows->n; i += o->n_columns)
        table_line(o, &o->rows->v[i], widths, numeric);
    if (!o->n_rows)
        fputs("(none)\n", o->to);
}

/* ---- the other forms, row by row */

static void html_text(FILE *to, struct str s) {
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        default:
            fputc(s.p[i], to);
        }
}

static void html_row(const struct output *o, const struct value *cells) {
    fputs("<tr>", o->to);
    for (size_t i = 0; i < o->n_columns; i++) {
        fputs(is_number(cells[i]) ? "<td class=\"n\">" : "<td>", o->to);
        html_text(o->to, cell_text(o->arena, cells[i]));
        fputs("</td>", o->to);
    }
    fputs("</tr>\n", o->to);
}

static void csv_field(FILE *to, struct str s) {
    bool quote = s.n && strchr("=+-@", s.p[0]);
    for (size_t i = 0; i < s.n && !quote; i++)
        quote = strchr(",\"\r\n", s.p[i]) != NULL;
    if (quote)
        fputc('"', to);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            fputc('"', to);
        fputc(s.p[i], to);
    }
    if (quote)
        fputc('"', to);
}

static void csv_row(const struct output *o, const struct value *cells) {
    for (size_t i = 0; i < o->n_columns; i++) {
        if (i)
            fputc(',', o->to);
        csv_field(o->to, cell_text(o->arena, cells[i]));
    }
    fputs("\r\n", o->to);
}

static void json_row(const struct output *o, const struct value *cells) {
    struct map *m = map_new(o->arena, o->n_columns);
    for (size_t i = 0; i < o->n_columns; i++)
        map_set_str(o->arena, m, str_from(o->columns[i]), cells[i]);
    struct buf b = BUF_IN(o->arena);
    json_write(&b, value_map(m));
    fprintf(o->to, "%s\n    %.*s", o->n_rows ? "," : "", (int)b.n, b.p);
}

/* ---- document */

static const char page_head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Godwit "
    "report</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\n"
    "table{border-collapse:collapse;margin:.5rem 0 2rem}\n"
    "th,td{padding:.3rem .8rem;border-bottom:1px solid #ddd;text-align:left}\n"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}\n"
    "@media (prefers-color-scheme:dark){body{background:#111;color:#eee}}\n"
    "</style></head><body>\n<h1>Godwit report</h1>\n";

struct output *output_new(FILE *to, enum output_format format) {
    struct output *o = calloc(1, sizeof *o);
    if (!o)
        abort();
    o->to = to;
    o->format = format;
    o->arena = arena_new(0);
    if (format == OUTPUT_HTML)
        fputs(page_head, to);
    else if (format == OUTPUT_JSON)
        fputc('{', to);
    return o;
}

static void end_section(struct output *o) {
    if (!o->columns)
        return;
    if (o->format == OUTPUT_TABLE)
        table_flush(o);
    else if (o->format == OUTPUT_JSON)
        fputs(o->n_rows ? "\n  ]" : "]", o->to);
    else if (o->format == OUTPUT_HTML)
        fputs("</table>\n", o->to);
    o->columns = NULL;
    arena_reset(o->arena);
}

void output_section(struct output *o, const char *key, const char *title,
                    const char *const *columns) {
    end_section(o);
    o->columns = columns;
    o->n_rows = 0;
    for (o->n_columns = 0; columns[o->n_columns]; o->n_columns++)
        if (o->n_columns == MAX_COLUMNS)
            abort();
    o->rows = list_new(o->arena, 0);
    if (o->format == OUTPUT_TABLE) {
        fprintf(o->to, "%s%s\n", o->sections ? "\n" : "", title);
    } else if (o->format == OUTPUT_JSON) {
        fprintf(o->to, "%s\n  \"%s\": [", o->sections ? "," : "", key);
    } else if (o->format == OUTPUT_HTML) {
        fprintf(o->to, "<h2>%s</h2>\n<table><tr>", title);
        for (size_t i = 0; i < o->n_columns; i++)
            fprintf(o->to, "<th>%s</th>", columns[i]);
        fputs("</tr>\n", o->to);
    } else {
        struct value head[MAX_COLUMNS];
        if (o->sections)
            fputs("\r\n", o->to);
        for (size_t i = 0; i < o->n_columns; i++)
            head[i] = value_str(str_from(columns[i]));
        csv_row(o, head);
    }
    o->sections++;
}

void output_row(struct output *o, const struct value *cells) {
    if (o->format == OUTPUT_TABLE) {
        for (size_t i = 0; i < o->n_columns; i++)
            list_add(o->arena, o->rows, value_copy(o->arena, cells[i]));
    } else {
        if (o->format == OUTPUT_JSON)
            json_row(o, cells);
        else if (o->format == OUTPUT_HTML)
            html_row(o, cells);
        else
            csv_row(o, cells);
        arena_reset(o->arena);
    }
    o->n_rows++;
}

void output_note(struct output *o, const char *fmt, ...) {
    if (o->format != OUTPUT_TABLE && o->format != OUTPUT_HTML)
        return;
    end_section(o);
    va_list ap;
    va_start(ap, fmt);
    struct str s = str_vprintf(o->arena, fmt, ap);
    va_end(ap);
    if (o->format == OUTPUT_HTML) {
        fputs("<p>", o->to);
        html_text(o->to, s);
        fputs("</p>\n", o->to);
    } else {
        fputc('\n', o->to);
        print_safe(o->to, s);
        fputc('\n', o->to);
    }
}

bool output_end(struct output *o) {
    end_section(o);
    if (o->format == OUTPUT_JSON)
        fputs("\n}\n", o->to);
    else if (o->format == OUTPUT_HTML)
        fputs("</body></html>\n", o->to);
    bool ok = fflush(o->to) == 0 && !ferror(o->to);
    arena_free(o->arena);
    free(o);
    return ok;
}
