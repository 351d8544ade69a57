/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/csv.h"

#include <stdlib.h>

#define RAW_OF_TOO_LONG 1000 /* bytes kept of a line that is longer than a row may be */

/* Where a field stands in the row, before its quotes are taken off. */
struct span {
    size_t from, to; /* of the content */
    bool doubled;    /* it holds doubled quotes */
};

struct csv {
    struct csv_limits limits;
    struct buf bytes; /* what was fed and may still be needed */
    size_t at;        /* in bytes: where the next row begins */
    int64_t offset;   /* in the file: of bytes.p[at] */
    int64_t line;     /* of the same */
    bool last;
    bool skipping; /* inside a line that is too long; it is reported at its end: */
    const char *skipped_wrong;
    int64_t skipped_line;
    struct span *span;
    struct str *field;
    size_t n;
    struct buf text; /* fields that had doubled quotes, or the beginning of a line too long */
};

/* How the scan of one row ended. */
enum scan { SCAN_ROW, SCAN_MORE, SCAN_WRONG };

struct csv *csv_new(const struct csv_limits *limits, int64_t offset, int64_t line) {
    struct csv *c = calloc(1, sizeof *c);
    struct span *span = calloc(limits->fields, sizeof *span);
    struct str *field = calloc(limits->fields, sizeof *field);
    if (!c || !span || !field)
        abort();
    *c = (struct csv){
        .limits = *limits, .offset = offset, .line = line, .span = span, .field = field};
    return c;
}

void csv_free(struct csv *c) {
    if (!c)
        return;
    buf_close(&c->bytes);
    buf_close(&c->text);
    free(c->span);
    free(c->field);
    free(c);
}

int64_t csv_offset(const struct csv *c) {
    return c->offset;
}

int64_t csv_line(const struct csv *c) {
    return c->line;
}

/* ---- bytes */

static void advance(struct csv *c, size_t n) {
    c->at += n;
    c->offset += (int64_t)n;
}

static struct str rest(const struct csv *c) {
    return c->at < c->bytes.n ? str_of(c->bytes.p + c->at, c->bytes.n - c->at) : S("");
}

/* Offset of the line feed in s, or -1. */
static ptrdiff_t line_end(struct str s) {
    const char *end = s.n ? memchr(s.p, '\n', s.n) : NULL;
    return end ? end - s.p : -1;
}

static void skip_mark(struct csv *c) {
    if (c->offset == 0 && str_starts(rest(c), S("\xEF\xBB\xBF")))
        advance(c, 3);
}

void csv_feed(struct csv *c, struct str bytes, bool last) {
    if (c->at) {
        memmove(c->bytes.p, c->bytes.p + c->at, c->bytes.n - c->at);
        c->bytes.n -= c->at;
        c->at = 0;
    }
    buf_add_str(&c->bytes, bytes);
    c->last = c->last || last;
}

/* ---- one row: first where its fields are, then what they say */

/* A field in quotes that begins at s.p[*i]; *i moves to what follows its closing quote. */
static enum scan scan_quoted(struct str s, size_t *i, struct span *span, bool last,
                             const char **wrong) {
    size_t at = *i + 1;
    span->from = at;
    for (;;) {
        const char *quote = at < s.n ? memchr(s.p + at, '"', s.n - at) : NULL;
        if (!quote) {
            *wrong = "a quote is opened and never closed";
            return last ? SCAN_WRONG : SCAN_MORE;
        }
        at = (size_t)(quote - s.p) + 1;
        if (at == s.n && !last)
            return SCAN_MORE; /* the next byte tells whether it is doubled */
        if (at == s.n || s.p[at] != '"')
            break;
        span->doubled = true;
        at++;
    }
    span->to = at - 1;
    *i = at;
    if (at == s.n || s.p[at] == ',' || s.p[at] == '\n')
        return SCAN_ROW;
    if (s.p[at] == '\r') {
        if (at + 1 == s.n && !last)
            return SCAN_MORE;
        if (at + 1 == s.n || s.p[at + 1] == '\n')
            return SCAN_ROW;
    }
    *wrong = "text follows a closing quote (inside quotes a quote is written twice)";
    return SCAN_WRONG;
}

static enum scan scan_plain(struct str s, size_t *i, struct span *span, bool last) {
    size_t at = *i;
    span->from = at;
    while (at < s.n && s.p[at] != ',' && s.p[at] != '\n')
        at++;
    if (at == s.n && !last)
        return SCAN_MORE;
    span->to = at;
    *i = at;
    if ((at == s.n || s.p[at] == '\n') && at > span->from && s.p[at - 1] == '\r')
        span->to--;
    return SCAN_ROW;
}

/* Finds the fields of the row that s begins with; *used: its bytes with the line end.
 * SCAN_ROW with *wrong set: it is well formed and goes over a limit. */
static enum scan scan_row(struct csv *c, struct str s, bool last, size_t *used,
                          const char **wrong) {
    const char *over = NULL;
    size_t i = 0;
    c->n = 0;
    for (;;) {
        struct span span = {0};
        bool quoted = i < s.n && s.p[i] == '"';
        enum scan got =
            quoted ? scan_quoted(s, &i, &span, last, wrong) : scan_plain(s, &i, &span, last);
        if (got != SCAN_ROW)
            return got;
        if (span.to - span.from > c->limits.field)
            over = "a field is too long";
        if (c->n < c->limits.fields)
            c->span[c->n++] = span;
        else
            over = "there are too many fields";
        if (i < s.n && s.p[i] == '\r')
            i++;
        if (i < s.n && s.p[i++] == ',')
            continue;
        *used = i;
        *wrong = i > c->limits.row ? "it is too long" : over;
        return SCAN_ROW;
    }
}

static void take_quotes_off(struct buf *out, struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        buf_add_char(out, s.p[i]);
        i += s.p[i] == '"';
    }
}

static void make_fields(struct csv *c, struct str s) {
    size_t doubled = 0;
    for (size_t i = 0; i < c->n; i++)
        doubled += c->span[i].doubled ? c->span[i].to - c->span[i].from : 0;
    buf_clear(&c->text);
    buf_reserve(&c->text, doubled + 1); /* so that it does not move below */
    for (size_t i = 0; i < c->n; i++) {
        const struct span *x = &c->span[i];
        c->field[i] = str_of(s.p + x->from, x->to - x->from);
        if (x->doubled) {
            size_t from = c->text.n;
            take_quotes_off(&c->text, c->field[i]);
            c->field[i] = str_of(c->text.p + from, c->text.n - from);
        }
    }
}

/* NULL: good UTF-8 without NUL. */
static const char *text_problem(struct str s) {
    while (s.n) {
        size_t n = (unsigned char)*s.p < 0x80 ? 1 : str_utf8(s, NULL);
        if (n == 0)
            return "it is not valid UTF-8";
        if (*s.p == 0)
            return "it holds a NUL byte";
        s = str_of(s.p + n, s.n - n);
    }
    return NULL;
}

static struct str without_end(struct str s) {
    s.n -= s.n && s.p[s.n - 1] == '\n';
    s.n -= s.n && s.p[s.n - 1] == '\r';
    return s;
}

static int64_t count_lines(struct str s) {
    int64_t n = 0;
    ptrdiff_t end;
    for (; (end = line_end(s)) >= 0; n++)
        s = str_sub(s, (size_t)end + 1, s.n);
    return n;
}

/* ---- */

static enum csv_step give_row(struct csv *c, struct str s, const char *wrong, struct csv_row *row) {
    *row = (struct csv_row){.line = c->line, .raw = without_end(s), .wrong = wrong};
    if (!row->wrong)
        row->wrong = text_problem(row->raw);
    if (!row->wrong) {
        make_fields(c, s);
        row->field = c->field;
        row->n = c->n;
    }
    c->line += count_lines(s);
    advance(c, s.n);
    return CSV_ROW;
}

/* Goes over the line that is too long, as far as it is here. */
static enum csv_step skip_line(struct csv *c, struct csv_row *row) {
    struct str s = rest(c);
    ptrdiff_t end = line_end(s);
    advance(c, end < 0 ? s.n : (size_t)end + 1);
    c->line += end >= 0;
    if (end < 0 && !c->last)
        return CSV_MORE;
    c->skipping = false;
    *row = (struct csv_row){
        .line = c->skipped_line, .wrong = c->skipped_wrong, .raw = without_end(buf_str(&c->text))};
    return CSV_ROW;
}

/* A broken row costs its first line, of which s holds all or more than a row may have. */
static enum csv_step give_broken(struct csv *c, struct str s, const char *wrong,
                                 struct csv_row *row) {
    ptrdiff_t end = line_end(s);
    if (end < 0 && s.n <= c->limits.row && !c->last)
        return CSV_MORE;
    if (end >= 0 && (size_t)end < c->limits.row) {
        *row = (struct csv_row){
            .line = c->line++, .wrong = wrong, .raw = without_end(str_of(s.p, (size_t)end + 1))};
        advance(c, (size_t)end + 1);
        return CSV_ROW;
    }
    buf_clear(&c->text);
    buf_add_str(&c->text, str_sub(s, 0, s.n > c->limits.row ? RAW_OF_TOO_LONG : s.n));
    c->skipping = true;
    c->skipped_wrong = wrong;
    c->skipped_line = c->line;
    return skip_line(c, row);
}

enum csv_step csv_next(struct csv *c, struct csv_row *row) {
    for (;;) {
        if (c->skipping)
            return skip_line(c, row);
        skip_mark(c);
        /* no more than tells that it is too long: what is read must not depend on the pieces */
        struct str s = str_sub(rest(c), 0, c->limits.row + 1);
        if (s.n == 0 || (c->offset == 0 && s.n < 3 && !c->last))
            return c->last && s.n == 0 ? CSV_END : CSV_MORE;
        size_t used = 0;
        const char *wrong = NULL;
        bool last = c->last && s.n == rest(c).n;
        enum scan got = scan_row(c, s, last, &used, &wrong);
        if (got == SCAN_MORE && s.n <= c->limits.row)
            return CSV_MORE;
        if (got == SCAN_MORE)
            wrong = "it is too long";
        if (got != SCAN_ROW)
            return give_broken(c, s, wrong, row);
        if (without_end(str_of(s.p, used)).n)
            return give_row(c, str_of(s.p, used), wrong, row);
        c->line++; /* a blank line */
        advance(c, used);
    }
}

void csv_write_field(struct buf *out, struct str text) {
    bool quote = text.n && (text.p[0] == ' ' || text.p[text.n - 1] == ' ');
    for (size_t i = 0; i < text.n && !quote; i++)
        quote = memchr(",\"\r\n", text.p[i], 4) != NULL;
    if (!quote) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, text.p[i]);
    }
    buf_add_char(out, '"');
}
