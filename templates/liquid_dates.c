/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "config.h"

#include "templates/liquid_dates.h"

#include "base/arena.h"

#include <assert.h>
#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>

#define TEXT_MAX 128 /* longer texts are no dates */
#define MONTHS "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
#define ERA "(c(?:e|\\.e\\.)|b(?:ce|\\.c\\.e\\.)|a(?:d|\\.d\\.)|b(?:c|\\.c\\.))?"

/* In the order in which they are tried; from EUROPEAN on the first that fits is the date. */
enum pattern {
    WEEKDAY,
    TIME,
    EUROPEAN,
    AMERICAN,
    ISO,
    JAPANESE,
    VMS,
    VMS_MONTH,
    SLASHES,
    DOTS,
    ORDINAL, /* year and day of the year */
    MONTH_DAY,
    YEAR,
    MONTH,
    DAY,
    DIGITS,
    ERA_ALONE,
    FRAGMENT,
    PATTERNS
};

static const char *const sources[PATTERNS] = {
    [WEEKDAY] = "\\b(sun|mon|tue|wed|thu|fri|sat)[^-/\\d\\s]*",
    [TIME] =
        ("((?:\\d+\\s*:\\s*\\d+(?:\\s*:\\s*\\d+(?:[,.]\\d*)?)?|\\d+\\s*h(?:\\s*\\d+m?(?:\\s*\\d+"
         "s?)?)?)(?:\\s*[ap](?:m\\b|\\.m\\.))?|\\d+\\s*[ap](?:m\\b|\\.m\\.))"
         "(?:\\s*((?:gmt|utc?)?[-+]\\d+(?:[,.:]\\d+(?::\\d+)?)?|[a-z.\\s]+(?:standard|daylight)"
         "\\stime\\b|[a-z]+(?:\\sdst)?\\b))?"),
    [EUROPEAN] = "('?\\d+)[^-\\d\\s]*\\s*(" MONTHS ")[^-\\d\\s']*(?:\\s*" ERA
                 "\\s*('?-?\\d+(?:(?:st|nd|rd|th)\\b)?))?",
    [AMERICAN] =
        "\\b(" MONTHS ")[^-\\d\\s']*\\s*('?\\d+)[^-\\d\\s']*(?:\\s*,?\\s*" ERA "\\s*('?-?\\d+))?",
    [ISO] = "('?[-+]?\\d+)-(\\d+)-('?-?\\d+)",
    [JAPANESE] = "\\b([mtshr])(\\d+)\\.(\\d+)\\.(\\d+)",
    [VMS] = "('?-?\\d+)-(" MONTHS ")[^-/.]*-('?-?\\d+)",
    [VMS_MONTH] = "\\b(" MONTHS ")[^-/.]*-('?\\d+)(?:-('?-?\\d+))?",
    [SLASHES] = "('?-?\\d+)/\\s*('?\\d+)(?:\\D\\s*('?-?\\d+))?",
    [DOTS] = "('?-?\\d+)\\.\\s*('?\\d+)\\.\\s*('?-?\\d+)",
    [ORDINAL] = "\\b(\\d{2}|\\d{4})-(\\d{3})\\b",
    [MONTH_DAY] = "--(\\d{2})?-?(\\d{2})\\b",
    [YEAR] = "'(\\d+)\\b",
    [MONTH] = "\\b(" MONTHS ")\\S*",
    [DAY] = "(\\d+)(?:st|nd|rd|th)\\b",
    [DIGITS] =
        ("([-+]?)(\\d{2,14})(?:\\s*t?\\s*(\\d{2,6})?(?:[,.](\\d*))?)?(z\\b|[-+]\\d{1,4}\\b|\\["
         "[-+]?\\d[^\\]]*\\])?"),
    [ERA_ALONE] = "\\b(bc\\b|bce\\b|b\\.c\\.|b\\.c\\.e\\.)",
    [FRAGMENT] = "^\\s*(\\d{1,2})\\s*$",
};

struct date_patterns {
    pcre2_code *code[PATTERNS];
};

static void *arena_malloc(size_t n, void *arena) {
    return arena_alloc(arena, n);
}

static void arena_leave(void *p, void *arena) {
    (void)p;
    (void)arena;
}

struct date_patterns *date_patterns_new(struct arena *a) {
    struct date_patterns *p = ARENA_NEW(a, struct date_patterns);
    pcre2_general_context *g = pcre2_general_context_create(arena_malloc, arena_leave, a);
    pcre2_compile_context *c = pcre2_compile_context_create(g);
    for (int i = 0; i < PATTERNS; i++) {
        int error;
        PCRE2_SIZE at;
        p->code[i] = pcre2_compile((PCRE2_SPTR)sources[i], PCRE2_ZERO_TERMINATED, PCRE2_CASELESS,
                                   &error, &at, c);
        assert(p->code[i]);
    }
    return p;
}

/* ---- what was found so far; -1 and INT64_MIN: not said */
struct found {
    const struct date_patterns *patterns;
    struct arena *arena;
    pcre2_match_data *match;
    uint32_t groups; /* that the last match has */
    char text[TEXT_MAX + 1];
    size_t n;
    int64_t year;
    int month, day, yearday, hour, minute, second;
    int64_t nanos;
    struct str zone;
    bool full_year, before_christ;
};

static struct str group(const struct found *f, uint32_t i) {
    PCRE2_SIZE *o = pcre2_get_ovector_pointer(f->match);
    if (i >= f->groups || o[2 * i] == PCRE2_UNSET)
        return STR_NONE;
    struct str s = str_of(f->text + o[2 * i], o[2 * i + 1] - o[2 * i]);
    return str_dup(f->arena, s);
}

static bool find(struct found *f, enum pattern p) {
    int n = pcre2_match(f->patterns->code[p], (PCRE2_SPTR)f->text, f->n, 0, 0, f->match, NULL);
    f->groups = n > 0 ? (uint32_t)n : 0;
    return n > 0;
}

/* Takes what was matched out of the text. */
static void take(struct found *f) {
    PCRE2_SIZE *o = pcre2_get_ovector_pointer(f->match);
    size_t from = o[0], to = o[1];
    f->text[from] = ' ';
    memmove(f->text + from + 1, f->text + to, f->n - to);
    f->n -= to - from - 1;
}

static int64_t digits(struct str s) {
    size_t i = 0;
    bool negative = false;
    while (i < s.n && !isdigit((unsigned char)s.p[i]))
        negative = s.p[i++] == '-';
    int64_t v = 0;
    for (; i < s.n && isdigit((unsigned char)s.p[i]); i++)
        v = v > 99999999 ? v : v * 10 + (s.p[i] - '0');
    return negative ? -v : v;
}

static int month_number(struct str s) {
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int i = 0; i < 12; i++)
        if (str_eq_nocase(str_sub(s, 0, 3), str_of(names + 3 * i, 3)))
            return i + 1;
    return 0;
}

static bool quoted(struct str s) {
    return s.n && s.p[0] == '\'';
}

static bool looks_like_year(struct str s) {
    return quoted(s) || s.n > 2;
}

static void swap(struct str *a, struct str *b) {
    struct str t = *a;
    *a = *b;
    *b = t;
}

/* Three numbers of which any may be the year: the reference's rules for telling. */
static void set_three(struct found *f, struct str y, struct str m, struct str d) {
    if (y.p && m.p && !d.p) {
        struct str old = d;
        d = m;
        m = y;
        y = old;
    }
    if (!y.p && d.p && looks_like_year(d))
        swap(&y, &d);
    if (y.p && y.n > 2 && isalpha((unsigned char)y.p[y.n - 1])) { /* 14th */
        y = str_sub(y, 0, y.n - 2);
        swap(&y, &d);
    }
    if (m.p && looks_like_year(m)) {
        struct str old = y;
        y = m;
        m = d;
        d = old;
    }
    if (d.p && looks_like_year(d))
        swap(&y, &d);
    if (y.p) {
        struct str number = quoted(y) ? str_sub(y, 1, y.n) : y;
        bool sign = number.n && (number.p[0] == '-' || number.p[0] == '+');
        f->full_year = (sign || number.n > 2);
        f->year = digits(number);
    }
    if (m.p)
        f->month = (int)digits(m);
    if (d.p)
        f->day = (int)digits(d);
}

static struct str number_text(struct found *f, int n) {
    return str_printf(f->arena, "%d", n);
}

static void set_named_month(struct found *f, struct str y, struct str month, struct str d,
                            struct str era) {
    f->before_christ = era.n && tolower((unsigned char)era.p[0]) == 'b';
    set_three(f, y, number_text(f, month_number(month)), d);
}

static int64_t fraction_nanos(struct str s) {
    int64_t v = 0;
    for (size_t i = 0; i < 9; i++)
        v = v * 10 + (i < s.n && isdigit((unsigned char)s.p[i]) ? s.p[i] - '0' : 0);
    return v;
}

/* "5:30:15.25 pm", "5h30m15s", "5pm". */
static void set_time(struct found *f, struct str t) {
    int *parts[] = {&f->hour, &f->minute, &f->second};
    size_t i = 0;
    for (int k = 0; k < 3 && i < t.n; k++) {
        int v = 0;
        while (i < t.n && !isdigit((unsigned char)t.p[i]) && !strchr("apAP", t.p[i]))
            i++;
        if (i >= t.n || !isdigit((unsigned char)t.p[i]))
            break;
        for (; i < t.n && isdigit((unsigned char)t.p[i]); i++)
            v = v > 9999 ? v : v * 10 + (t.p[i] - '0');
        *parts[k] = v;
    }
    if (i < t.n && f->second >= 0 && (t.p[i] == '.' || t.p[i] == ',')) {
        size_t from = ++i;
        while (i < t.n && isdigit((unsigned char)t.p[i]))
            i++;
        f->nanos = fraction_nanos(str_sub(t, from, i));
    }
    for (; i < t.n; i++) {
        char c = (char)tolower((unsigned char)t.p[i]);
        if (c == 'a' || c == 'p') {
            f->hour = f->hour % 12 + (c == 'p' ? 12 : 0);
            return;
        }
    }
}

static int two(struct str s, size_t at) {
    return (int)digits(str_sub(s, at, at + 2));
}

/* The last digits of s as second, minute, hour and so on upwards, two each. */
static void set_from_end(struct found *f, struct str s) {
    int *parts[] = {&f->second, &f->minute, &f->hour, &f->day, &f->month};
    for (size_t i = 0; i < 5 && s.n; i++) {
        size_t n = s.n < 2 ? s.n : 2;
        *parts[i] = (int)digits(str_sub(s, s.n - n, s.n));
        s = str_sub(s, 0, s.n - n);
    }
    if (s.n) {
        f->year = digits(s);
        f->full_year = s.n > 2;
    }
}

static void set_time_digits(struct found *f, struct str s) {
    f->hour = two(s, 0);
    f->minute = s.n >= 4 ? two(s, 2) : f->minute;
    f->second = s.n >= 6 ? two(s, 4) : f->second;
}

/* Digits alone: their number says what they are. */
static void set_date_digits(struct found *f, int64_t factor, struct str s) {
    size_t year = s.n == 5 || s.n == 6 ? 2 : s.n >= 7 ? 4 : 0;
    if (year) {
        f->year = factor * digits(str_sub(s, 0, year));
        f->full_year = year == 4;
    }
    struct str rest = str_sub(s, year, s.n);
    if (s.n == 3 || s.n == 5 || s.n == 7) {
        f->yearday = (int)digits(rest);
    } else if (s.n == 2) {
        f->day = two(rest, 0);
    } else if (s.n % 2 == 0) {
        f->month = two(rest, 0);
        f->day = two(rest, 2);
        if (rest.n > 4)
            set_time_digits(f, str_sub(rest, 4, rest.n));
    }
}

static void set_digits(struct found *f, struct str sign, struct str s, struct str time,
                       struct str fraction, struct str zone) {
    if (fraction.p && !time.n)
        set_from_end(f, s);
    else
        set_date_digits(f, sign.n && sign.p[0] == '-' ? -1 : 1, s);
    if (time.n && fraction.p)
        set_from_end(f, time);
    else if (time.n)
        set_time_digits(f, time);
    if (fraction.p)
        f->nanos = fraction_nanos(fraction);
    if (zone.n && zone.p[0] != '[')
        f->zone = zone;
}

static void set_japanese(struct found *f) {
    static const char letters[] = "mtshr";
    static const int start[] = {1867, 1911, 1925, 1988, 2018};
    struct str era = group(f, 1);
    const char *hit = strchr(letters, tolower((unsigned char)era.p[0]));
    f->year = (hit ? start[hit - letters] : 0) + digits(group(f, 2));
    f->full_year = true;
    f->month = (int)digits(group(f, 3));
    f->day = (int)digits(group(f, 4));
}

static void set_date(struct found *f, enum pattern p) {
    struct str a = group(f, 1), b = group(f, 2), c = group(f, 3), d = group(f, 4);
    switch (p) {
    case EUROPEAN:
        set_named_month(f, d, b, a, c);
        break;
    case AMERICAN:
        set_named_month(f, d, a, b, c);
        break;
    case VMS:
        set_named_month(f, c, b, a, STR_NONE);
        break;
    case VMS_MONTH:
        set_named_month(f, c, a, b, STR_NONE);
        break;
    case JAPANESE:
        set_japanese(f);
        break;
    case ORDINAL:
        f->year = digits(a);
        f->full_year = a.n > 2;
        f->yearday = (int)digits(b);
        break;
    case MONTH_DAY:
        f->month = a.p ? (int)digits(a) : -1;
        f->day = (int)digits(b);
        break;
    case YEAR:
        f->year = digits(a);
        f->full_year = a.n > 2;
        break;
    case MONTH:
        f->month = month_number(a);
        break;
    case DAY:
        f->day = (int)digits(a);
        break;
    case DIGITS:
        set_digits(f, a, b, c, d, group(f, 5));
        break;
    default:
        set_three(f, a, b, c);
    }
}

static bool clean(struct found *f, struct str text) {
    bool space = false;
    if (text.n == 0 || text.n > TEXT_MAX)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (isalnum((unsigned char)c) || (c & 0x80) || (c && strchr("-+',./:@[]", c))) {
            f->text[f->n++] = c;
            space = false;
        } else if (!space) {
            f->text[f->n++] = ' ';
            space = true;
        }
    }
    return true;
}

static void search(struct found *f) {
    if (find(f, WEEKDAY))
        take(f);
    if (find(f, TIME)) {
        set_time(f, group(f, 1));
        f->zone = group(f, 2);
        take(f);
    }
    for (enum pattern p = EUROPEAN; p <= DIGITS; p++)
        if (find(f, p)) {
            set_date(f, p);
            take(f);
            break;
        }
    if (find(f, ERA_ALONE)) {
        f->before_christ = true;
        take(f);
    }
    if (find(f, FRAGMENT)) {
        int v = (int)digits(group(f, 1));
        if (f->hour >= 0 && f->day < 0 && v >= 1 && v <= 31)
            f->day = v;
        else if (f->day >= 0 && f->hour < 0 && v <= 24)
            f->hour = v;
    }
}

/* ---- zones in a text: "+09:00", "gmt-5", "est", "z" */
static const struct {
    const char *name;
    int hours;
} zones[] = {{"utc", 0},  {"gmt", 0},  {"z", 0},    {"ut", 0},   {"est", -5}, {"edt", -4},
             {"cst", -6}, {"cdt", -5}, {"mst", -7}, {"mdt", -6}, {"pst", -8}, {"pdt", -7},
             {"wet", 0},  {"cet", 1},  {"eet", 2},  {"jst", 9},  {"msk", 3}};

static bool zone_offset(struct str z, int32_t *out) {
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        if (str_eq_nocase(z, str_from(zones[i].name))) {
            *out = zones[i].hours * 3600;
            return true;
        }
    if (z.n > 3 && str_eq_nocase(str_sub(z, 0, 3), S("gmt")))
        z = str_sub(z, 3, z.n);
    else if (z.n > 3 && str_eq_nocase(str_sub(z, 0, 3), S("utc")))
        z = str_sub(z, 3, z.n);
    if (z.n < 2 || (z.p[0] != '+' && z.p[0] != '-'))
        return false;
    int sign = z.p[0] == '-' ? -1 : 1;
    struct str rest = str_sub(z, 1, z.n), part;
    int32_t seconds = 0, unit = 3600;
    if (rest.n && !memchr(rest.p, ':', rest.n)) {
        size_t h = rest.n % 2 ? 1 : 2;
        seconds = (int32_t)digits(str_sub(rest, 0, h)) * 3600 +
                  (int32_t)digits(str_sub(rest, h, h + 2)) * 60;
    } else {
        for (; unit && str_split(&rest, ':', &part); unit /= 60)
            seconds += (int32_t)(digits(part) % 100) * unit;
    }
    *out = sign * seconds;
    return seconds < 100 * 3600;
}

/* ---- from what was found to an instant */

/* What is left out above the largest part that was said is now's; below it, the start. */
static void complete(struct found *f, const struct civil *now) {
    int *parts[] = {&f->month, &f->day, &f->hour, &f->minute, &f->second};
    const int of_now[] = {now->month, now->day, now->hour, now->minute, now->second};
    const int least[] = {1, 1, 0, 0, 0};
    bool said = f->year != INT64_MIN;
    if (!said)
        f->year = now->year;
    said = said || f->yearday >= 0;
    for (int i = 0; i < 5; i++) {
        said = said || *parts[i] >= 0;
        if (*parts[i] < 0)
            *parts[i] = said ? least[i] : of_now[i];
    }
}

static bool sound(const struct found *f) {
    return f->month >= 1 && f->month <= 12 && f->day >= 1 && f->day <= 31 && f->hour <= 24 &&
           f->minute <= 59 && f->second <= 60 && (f->hour < 24 || f->minute + f->second == 0) &&
           f->year > -100000 && f->year < 100000;
}

bool date_read(const struct date_patterns *p, struct arena *a, struct str text, int64_t now,
               const struct zone *zone, struct moment *out) {
    pcre2_general_context *g = pcre2_general_context_create(arena_malloc, arena_leave, a);
    struct found f = {.patterns = p,
                      .arena = a,
                      .year = INT64_MIN,
                      .month = -1,
                      .day = -1,
                      .yearday = -1,
                      .hour = -1,
                      .minute = -1,
                      .second = -1,
                      .nanos = -1};
    f.match = pcre2_match_data_create(8, g);
    if (!clean(&f, text))
        return false;
    search(&f);
    if (f.year == INT64_MIN && f.yearday < 0 && f.month < 0 && f.day < 0 && f.hour < 0 &&
        f.minute < 0 && f.second < 0 && f.nanos < 0)
        return false;
    if (f.year != INT64_MIN && !f.full_year && !f.before_christ && f.year >= 0 && f.year < 100)
        f.year += f.year >= 69 ? 1900 : 2000;
    if (f.year != INT64_MIN && f.before_christ)
        f.year = 1 - f.year;
    struct civil today;
    if (zone)
        wallclock_local(zone, now, &today);
    else
        wallclock_utc(now, &today);
    complete(&f, &today);
    if (!sound(&f))
        return false;
    struct civil c = {.year = f.year,
                      .month = f.month,
                      .day = f.day,
                      .hour = f.hour,
                      .minute = f.minute,
                      .second = f.second};
    if (f.yearday > 0) {
        c.month = 1;
        c.day = f.yearday;
    }
    *out = (struct moment){.zone = zone, .nanos = f.nanos > 0 ? (uint32_t)f.nanos : 0};
    if (f.zone.n && zone_offset(f.zone, &out->offset)) {
        bool named = f.zone.p[0] != '+' && f.zone.p[0] != '-';
        out->seconds = wallclock_from_utc(&c) - out->offset;
        out->utc = out->offset == 0 && named;
        struct civil local = {0};
        if (zone)
            wallclock_local(zone, out->seconds, &local);
        if (out->utc || local.offset != out->offset)
            out->zone = NULL; /* told at its own offset; the zone's own name is better */
        if (!zone && out->offset == 0)
            out->utc = true;
    } else {
        out->seconds = zone ? wallclock_from_local(zone, &c) : wallclock_from_utc(&c);
        out->utc = !zone;
    }
    return true;
}
