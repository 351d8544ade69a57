/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_dates.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH_MAX 1024
#define DEPTH_MAX 2 /* directives that stand for others */

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

struct writer {
    struct buf *out;
    const struct moment *moment;
    struct civil c;
    const struct date_names *names;
    int depth;
};

/* %[flags][width]directive */
struct directive {
    char pad; /* '-', '0', '_' or 0: the directive's own */
    bool upper, swap;
    int colons;
    int width; /* -1: the directive's own */
};

static void pad_to(struct buf *out, size_t n, int width, char with) {
    for (size_t i = n; width > 0 && i < (size_t)width; i++)
        buf_add_char(out, with);
}

static void write_number(struct writer *w, const struct directive *d, int64_t v, int width,
                         char pad) {
    char tmp[24];
    bool negative = v < 0;
    uint64_t u = negative ? (uint64_t)0 - (uint64_t)v : (uint64_t)v;
    int n = snprintf(tmp, sizeof tmp, "%" PRIu64, u);
    char with = d->pad == '_' ? ' ' : d->pad == '0' ? '0' : pad;
    int to = d->width >= 0 ? d->width : d->pad == '-' ? 0 : width;
    if (d->pad == '-')
        to = 0;
    if (negative && with == '0')
        buf_add_char(w->out, '-');
    pad_to(w->out, (size_t)n + negative, to, with);
    if (negative && with != '0')
        buf_add_char(w->out, '-');
    buf_add(w->out, tmp, (size_t)n);
}

/* Applies case and width to what was written since `from`. */
static void finish_text(struct writer *w, const struct directive *d, size_t from, bool swap_down) {
    struct buf *b = w->out;
    for (size_t i = from; i < b->n; i++) {
        if (d->upper || (d->swap && !swap_down))
            b->p[i] = (char)toupper((unsigned char)b->p[i]);
        else if (d->swap)
            b->p[i] = (char)tolower((unsigned char)b->p[i]);
    }
    size_t n = b->n - from;
    if (d->width <= 0 || d->pad == '-' || n >= (size_t)d->width)
        return;
    size_t more = (size_t)d->width - n;
    buf_reserve(b, more);
    memmove(b->p + from + more, b->p + from, n);
    memset(b->p + from, d->pad == '0' ? '0' : ' ', more);
    b->n += more;
}

static void write_text(struct writer *w, const struct directive *d, struct str s, bool swap_down) {
    size_t from = w->out->n;
    buf_add_str(w->out, s);
    finish_text(w, d, from, swap_down);
}

static bool write_format(struct writer *w, struct str format);

static bool write_composite(struct writer *w, const struct directive *d, struct str format) {
    size_t from = w->out->n;
    struct directive plain = *d;
    plain.swap = false;
    if (!write_format(w, format))
        return false;
    finish_text(w, &plain, from, false);
    return true;
}

/* Week of the year when weeks begin on `first` (0 Sunday, 1 Monday). */
static int week(const struct civil *c, int first) {
    int since = (c->weekday - first + 7) % 7;
    return (c->yearday + 7 - since) / 7;
}

static bool leap(int64_t y) {
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int iso_week(const struct civil *c, int64_t *year) {
    int day = (c->weekday + 6) % 7; /* Monday 0 */
    int w = (c->yearday - day + 10) / 7;
    *year = c->year;
    if (w < 1) {
        *year = c->year - 1;
        int days = leap(*year) ? 366 : 365;
        return (c->yearday + days - day + 10) / 7;
    }
    int days = leap(c->year) ? 366 : 365;
    if (w == 53 && c->yearday - day + 3 >= days) {
        *year = c->year + 1;
        return 1;
    }
    return w;
}

static void write_offset(struct writer *w, const struct directive *d) {
    char tmp[24];
    int o = w->c.offset, a = abs(o), h = a / 3600, m = a / 60 % 60, s = a % 60;
    char sign = o < 0 ? '-' : '+';
    int n;
    if (d->colons == 0)
        n = snprintf(tmp, sizeof tmp, "%02d%02d", h, m);
    else if (d->colons == 1)
        n = snprintf(tmp, sizeof tmp, "%02d:%02d", h, m);
    else if (d->colons == 2 || s)
        n = snprintf(tmp, sizeof tmp, "%02d:%02d:%02d", h, m, s);
    else
        n = m ? snprintf(tmp, sizeof tmp, "%02d:%02d", h, m) : snprintf(tmp, sizeof tmp, "%02d", h);
    const char *p = tmp;
    int width = d->width > n + 1 ? d->width : n + 1;
    if (d->pad == '_' && *p == '0') {
        p++;
        n--;
    }
    if (d->pad == '_')
        pad_to(w->out, (size_t)n + 1, width, ' ');
    buf_add_char(w->out, sign);
    if (d->pad != '_')
        pad_to(w->out, (size_t)n + 1, width, '0');
    buf_add(w->out, p, (size_t)n);
}

static void write_fraction(struct writer *w, const struct directive *d, int places) {
    char tmp[16];
    snprintf(tmp, sizeof tmp, "%09u", (unsigned)w->moment->nanos);
    int n = d->width > 0 ? d->width : places;
    for (int i = 0; i < n; i++)
        buf_add_char(w->out, i < 9 ? tmp[i] : '0');
}

static struct str name_of(const char *const *english, const struct str *local, int i, bool brief) {
    if (local && local[i].n)
        return local[i];
    struct str s = str_from(english[i]);
    return brief ? str_sub(s, 0, 3) : s;
}

static bool write_name(struct writer *w, const struct directive *d, char c) {
    const struct date_names *n = w->names;
    int month = w->c.month - 1, day = w->c.weekday;
    switch (c) {
    case 'A':
        write_text(w, d, name_of(day_names, n ? n->day : NULL, day, false), false);
        return true;
    case 'a':
        write_text(w, d, name_of(day_names, n ? n->short_day : NULL, day, true), false);
        return true;
    case 'B':
        write_text(w, d, name_of(month_names, n ? n->month : NULL, month, false), false);
        return true;
    case 'b':
    case 'h':
        write_text(w, d, name_of(month_names, n ? n->short_month : NULL, month, true), false);
        return true;
    case 'p':
        if (n && n->am_pm[0].n)
            write_text(w, d, n->am_pm[w->c.hour >= 12], true);
        else
            write_text(w, d, w->c.hour >= 12 ? S("PM") : S("AM"), true);
        return true;
    case 'P':
        write_text(w, d, w->c.hour >= 12 ? S("pm") : S("am"), false);
        return true;
    case 'Z':
        if (w->c.zone[0])
            write_text(w, d, str_from(w->c.zone), true);
        return true;
    default:
        return false;
    }
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

static bool write_part(struct writer *w, const struct directive *d, char c) {
    const struct civil *t = &w->c;
    int64_t iso_year;
    int iso = iso_week(t, &iso_year), hour12 = t->hour % 12 ? t->hour % 12 : 12;
    const struct {
        char c;
        int64_t value;
        int width;
        char pad;
    } numbers[] = {
        {'Y', t->year, t->year < 0 ? 5 : 4, '0'},
        {'C', floor_div(t->year, 100), 2, '0'},
        {'y', t->year - floor_div(t->year, 100) * 100, 2, '0'},
        {'m', t->month, 2, '0'},
        {'d', t->day, 2, '0'},
        {'e', t->day, 2, ' '},
        {'j', t->yearday + 1, 3, '0'},
        {'H', t->hour, 2, '0'},
        {'k', t->hour, 2, ' '},
        {'I', hour12, 2, '0'},
        {'l', hour12, 2, ' '},
        {'M', t->minute, 2, '0'},
        {'S', t->second, 2, '0'},
        {'u', t->weekday ? t->weekday : 7, 1, '0'},
        {'w', t->weekday, 1, '0'},
        {'G', iso_year, iso_year < 0 ? 5 : 4, '0'},
        {'g', iso_year - floor_div(iso_year, 100) * 100, 2, '0'},
        {'V', iso, 2, '0'},
        {'U', week(t, 0), 2, '0'},
        {'W', week(t, 1), 2, '0'},
        {'s', w->moment->seconds, 1, '0'},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].c == c) {
            write_number(w, d, numbers[i].value, numbers[i].width, numbers[i].pad);
            return true;
        }
    return write_name(w, d, c);
}

static const struct {
    char c;
    struct str format;
} composites[] = {
    {'c', {"%a %b %e %H:%M:%S %Y", 20}},
    {'D', {"%m/%d/%y", 8}},
    {'F', {"%Y-%m-%d", 8}},
    {'v', {"%e-%^b-%Y", 9}},
    {'x', {"%m/%d/%y", 8}},
    {'X', {"%H:%M:%S", 8}},
    {'r', {"%I:%M:%S %p", 11}},
    {'R', {"%H:%M", 5}},
    {'T', {"%H:%M:%S", 8}},
};

/* False: no such directive; *wrong: a width that is absurd. */
static bool write_directive(struct writer *w, const struct directive *d, char c, bool *wrong) {
    *wrong = d->width > WIDTH_MAX;
    if (*wrong)
        return false;
    for (size_t i = 0; i < sizeof composites / sizeof *composites && w->depth < DEPTH_MAX; i++)
        if (composites[i].c == c)
            return write_composite(w, d, composites[i].format);
    switch (c) {
    case 'n':
        write_text(w, d, S("\n"), false);
        return true;
    case 't':
        write_text(w, d, S("\t"), false);
        return true;
    case '%':
        write_text(w, d, S("%"), false);
        return true;
    case 'z':
        write_offset(w, d);
        return true;
    case 'L':
        write_fraction(w, d, 3);
        return true;
    case 'N':
        write_fraction(w, d, 9);
        return true;
    default:
        return write_part(w, d, c);
    }
}

/* Reads flags and width at *i; which modifier there is comes back ('E', 'O' or 0). */
static char read_flags(struct str f, size_t *i, struct directive *d) {
    *d = (struct directive){.width = -1};
    for (; *i < f.n; ++*i) {
        char c = f.p[*i];
        if (c == '-' || (d->pad != '-' && (c == '0' || c == '_')))
            d->pad = c;
        else if (c == '^')
            d->upper = true;
        else if (c == '#')
            d->swap = true;
        else
            break;
    }
    while (*i < f.n && isdigit((unsigned char)f.p[*i])) {
        int digit = f.p[(*i)++] - '0';
        d->width = d->width < 0 ? digit : d->width > WIDTH_MAX ? d->width : d->width * 10 + digit;
    }
    for (; *i < f.n && f.p[*i] == ':' && d->colons < 3; ++*i)
        d->colons++;
    if (*i < f.n && (f.p[*i] == 'E' || f.p[*i] == 'O'))
        return f.p[(*i)++];
    return 0;
}

static bool allowed(char modifier, char c) {
    return modifier == 0 || strchr(modifier == 'E' ? "cCxXyY" : "deHkIlmMSuUVwWy", c) != NULL;
}

static bool write_format(struct writer *w, struct str f) {
    w->depth++;
    for (size_t i = 0; i < f.n;) {
        size_t start = i;
        struct directive d;
        bool wrong = false;
        if (f.p[i] != '%') {
            const char *next = memchr(f.p + i, '%', f.n - i);
            i = next ? (size_t)(next - f.p) : f.n;
            buf_add(w->out, f.p + start, i - start);
            continue;
        }
        i++;
        char modifier = read_flags(f, &i, &d);
        char c = i < f.n ? f.p[i] : 0;
        if (c && allowed(modifier, c) && !(d.colons && c != 'z') &&
            write_directive(w, &d, c, &wrong)) {
            i++;
            continue;
        }
        if (wrong || (!c && !modifier && !d.colons)) /* absurd, or cut off */
            return false;
        buf_add(w->out, f.p + start, i - start); /* as it is; what stopped it counts again */
    }
    w->depth--;
    return true;
}

bool date_write(struct buf *out, struct str format, const struct moment *m,
                const struct date_names *names) {
    struct writer w = {.out = out, .moment = m, .names = names};
    if (m->zone) {
        wallclock_local(m->zone, m->seconds, &w.c);
    } else {
        wallclock_utc(m->seconds + m->offset, &w.c);
        w.c.offset = m->offset;
        snprintf(w.c.zone, sizeof w.c.zone, "%s", m->utc ? "UTC" : "");
    }
    return write_format(&w, format);
}
