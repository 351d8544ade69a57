/* SPDX-License-Identifier: Apache-2.0
 *
 * The half of wallclock.h that reads TZif files (RFC 8536): transitions of the
 * 64-bit block by binary search, and the POSIX footer for later instants.
 */
#include "config.h"

#include "base/wallclock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_FILE (1u << 20)
#define MAX_ZONES 2048u

struct ttinfo {
    int32_t offset; /* seconds east of UTC */
    bool dst;
    char name[8];
};

/* A rule of the footer: the day on which a change happens, and the local second. */
struct change {
    enum { DAY_JULIAN, DAY_ZERO, DAY_WEEK } kind; /* Jn, n, Mm.w.d */
    int n, month, week, day;
    int32_t second;
};

struct zone {
    struct zone *next;
    char name[64];
    size_t n; /* transitions */
    int64_t *at;
    uint8_t *type;
    struct ttinfo types[256];
    struct ttinfo before; /* earlier than the first transition */
    bool has_footer, footer_dst;
    struct ttinfo footer[2]; /* standard, summer */
    struct change change[2]; /* to summer, to standard */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct zone *zones[256]; /* by hash of the name */
static size_t zone_count;

/* ---- the footer: "CET-1CEST,M3.5.0,M10.5.0/3" */
static bool footer_name(const char **p, char out[8]) {
    size_t n = 0;
    bool angle = **p == '<';
    if (angle)
        (*p)++;
    while (**p && (angle ? **p != '>' : (**p | 32) >= 'a' && (**p | 32) <= 'z')) {
        if (n < 7)
            out[n++] = **p;
        (*p)++;
    }
    out[n] = 0;
    if (angle && *(*p)++ != '>')
        return false;
    return n >= 1;
}

static int footer_number(const char **p) {
    int v = 0;
    while (**p >= '0' && **p <= '9' && v < 1000)
        v = v * 10 + (*(*p)++ - '0');
    return v;
}

static int32_t footer_hms(const char **p) {
    int sign = 1;
    if (**p == '-' || **p == '+')
        sign = *(*p)++ == '-' ? -1 : 1;
    int32_t s = footer_number(p) * 3600;
    if (**p == ':') {
        (*p)++;
        s += footer_number(p) * 60;
        if (**p == ':') {
            (*p)++;
            s += footer_number(p);
        }
    }
    return sign * s;
}

static bool footer_change(const char **p, struct change *c) {
    if (*(*p)++ != ',')
        return false;
    c->second = 7200;
    if (**p == 'M') {
        (*p)++;
        c->kind = DAY_WEEK;
        c->month = footer_number(p);
        if (*(*p)++ != '.')
            return false;
        c->week = footer_number(p);
        if (*(*p)++ != '.')
            return false;
        c->day = footer_number(p);
        if (c->month < 1 || c->month > 12 || c->week < 1 || c->week > 5 || c->day > 6)
            return false;
    } else {
        c->kind = **p == 'J' ? DAY_JULIAN : DAY_ZERO;
        if (c->kind == DAY_JULIAN)
            (*p)++;
        c->n = footer_number(p);
    }
    if (**p == '/') {
        (*p)++;
        c->second = footer_hms(p);
    }
    return true;
}

static bool footer_parse(struct zone *z, const char *p) {
    if (!*p)
        return true;
    if (!footer_name(&p, z->footer[0].name))
        return false;
    z->footer[0].offset = -footer_hms(&p);
    if (*p) {
        if (!footer_name(&p, z->footer[1].name))
            return false;
        z->footer[1].dst = true;
        z->footer[1].offset = *p && *p != ',' ? -footer_hms(&p) : z->footer[0].offset + 3600;
        if (!footer_change(&p, &z->change[0]) || !footer_change(&p, &z->change[1]))
            return false;
        z->footer_dst = true;
    }
    z->has_footer = *p == 0;
    return z->has_footer;
}

static bool leap(int64_t y) {
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Local second (as if UTC) at which the change happens in the year. */
static int64_t change_second(const struct change *c, int64_t year) {
    int64_t jan1 = wallclock_days_from_civil(year, 1, 1), day;
    if (c->kind == DAY_ZERO) {
        day = jan1 + c->n;
    } else if (c->kind == DAY_JULIAN) {
        day = jan1 + c->n - 1 + (leap(year) && c->n >= 60);
    } else {
        int64_t first = wallclock_days_from_civil(year, c->month, 1);
        int64_t next = wallclock_days_from_civil(year, c->month + 1, 1);
        int weekday = (int)(((first + 4) % 7 + 7) % 7);
        day = first + (c->day - weekday + 7) % 7 + 7 * (c->week - 1);
        while (day >= next)
            day -= 7;
    }
    return day * WALLCLOCK_DAY_S + c->second;
}

static const struct ttinfo *footer_at(const struct zone *z, int64_t t) {
    if (!z->footer_dst)
        return &z->footer[0];
    struct civil c;
    wallclock_utc(t + z->footer[0].offset, &c);
    int64_t on = change_second(&z->change[0], c.year) - z->footer[0].offset;
    int64_t off = change_second(&z->change[1], c.year) - z->footer[1].offset;
    bool summer = on < off ? t >= on && t < off : t >= on || t < off;
    return &z->footer[summer];
}

/* ---- the file */
static uint32_t be32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const unsigned char *p) {
    return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

struct header {
    size_t isut, isstd, leap, time, type, chars;
};

static bool read_header(const unsigned char *p, size_t n, struct header *h) {
    if (n < 44 || memcmp(p, "TZif", 4) != 0)
        return false;
    h->isut = be32(p + 20);
    h->isstd = be32(p + 24);
    h->leap = be32(p + 28);
    h->time = be32(p + 32);
    h->type = be32(p + 36);
    h->chars = be32(p + 40);
    return h->time < 100000 && h->type >= 1 && h->type <= 256 && h->chars < 10000 &&
           h->leap < 10000 && h->isut <= 256 && h->isstd <= 256;
}

static size_t block_size(const struct header *h, size_t time_size) {
    return h->time * time_size + h->time + h->type * 6 + h->chars + h->leap * (time_size + 4) +
           h->isstd + h->isut;
}

static bool read_types(struct zone *z, const unsigned char *p, const struct header *h) {
    const char *names = (const char *)p + h->type * 6;
    for (size_t i = 0; i < h->type; i++) {
        size_t at = p[i * 6 + 5];
        if (at >= h->chars)
            return false;
        z->types[i].offset = (int32_t)be32(p + i * 6);
        z->types[i].dst = p[i * 6 + 4];
        size_t most = h->chars - at < 7 ? h->chars - at : 7;
        memcpy(z->types[i].name, names + at, strnlen(names + at, most));
    }
    return true;
}

static bool zone_parse(struct zone *z, const unsigned char *p, size_t n) {
    struct header h;
    size_t width = 4;
    if (!read_header(p, n, &h))
        return false;
    if (p[4] >= '2') {
        size_t skip = 44 + block_size(&h, 4);
        if (skip > n || !read_header(p + skip, n - skip, &h))
            return false;
        p += skip;
        n -= skip;
        width = 8;
    }
    size_t body = block_size(&h, width);
    if (n - 44 < body || h.leap) /* "right/..." counts leap seconds; PostgreSQL refuses it, too */
        return false;
    const unsigned char *q = p + 44;
    z->n = h.time;
    z->at = calloc(h.time + 1, sizeof *z->at);
    z->type = calloc(h.time + 1, 1);
    if (!z->at || !z->type)
        abort();
    for (size_t i = 0; i < h.time; i++) {
        z->at[i] = width == 8 ? be64(q + i * 8) : (int32_t)be32(q + i * 4);
        z->type[i] = q[h.time * width + i];
        if (z->type[i] >= h.type || (i && z->at[i] <= z->at[i - 1]))
            return false;
    }
    if (!read_types(z, q + h.time * (width + 1), &h))
        return false;
    z->before = z->types[0];
    const char *foot = (const char *)p + 44 + body;
    size_t left = n - 44 - body;
    if (width == 8 && left >= 2 && foot[0] == '\n') {
        char line[128];
        const char *end = memchr(foot + 1, '\n', left - 1);
        if (end && (size_t)(end - foot - 1) < sizeof line) {
            memcpy(line, foot + 1, (size_t)(end - foot - 1));
            line[end - foot - 1] = 0;
            return footer_parse(z, line);
        }
    }
    return true;
}

static void zone_drop(struct zone *z) {
    free(z->at);
    free(z->type);
    free(z);
}

static bool name_ok(struct str name) {
    if (name.n == 0 || name.n >= 64 || name.p[0] == '/' || str_find(name, S("..")) >= 0)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  strchr("_-+/", c);
        if (!ok || !c)
            return false;
    }
    return true;
}

static struct zone *zone_load(struct str name) {
    struct zone *z = calloc(1, sizeof *z);
    unsigned char *data = malloc(MAX_FILE);
    if (!z || !data)
        abort();
    memcpy(z->name, name.p, name.n);
    bool ok = true;
    char path[160];
    const char *dir = getenv("TZDIR");
    snprintf(path, sizeof path, "%.80s/%s", dir && *dir ? dir : "/usr/share/zoneinfo", z->name);
    FILE *f = fopen(path, "rb");
    if (f) {
        size_t n = fread(data, 1, MAX_FILE, f);
        ok = zone_parse(z, data, n);
        fclose(f);
    } else if (str_eq(name, S("UTC"))) {
        memcpy(z->before.name, "UTC", 4);
    } else {
        ok = false;
    }
    free(data);
    if (!ok) {
        zone_drop(z);
        return NULL;
    }
    return z;
}

bool wallclock_zone(struct str name, const struct zone **out, struct err *e) {
    struct zone *z = NULL;
    if (name_ok(name)) {
        struct zone **bucket = &zones[str_hash(name) % (sizeof zones / sizeof *zones)];
        pthread_mutex_lock(&lock);
        for (z = *bucket; z && !str_eq(str_from(z->name), name); z = z->next)
            ;
        if (!z && zone_count < MAX_ZONES && (z = zone_load(name))) {
            z->next = *bucket;
            *bucket = z;
            zone_count++;
        }
        pthread_mutex_unlock(&lock);
    }
    if (!z)
        return err_set(e, ERR_INPUT,
                       "unknown time zone `%.*s`; use an IANA name such as Asia/Taipei",
                       (int)(name.n < 64 ? name.n : 64), name.p ? name.p : "");
    *out = z;
    return true;
}

struct str wallclock_zone_name(const struct zone *z) {
    return str_from(z->name);
}

static const struct ttinfo *type_at(const struct zone *z, int64_t t) {
    if (z->n == 0 || t < z->at[0])
        return z->n == 0 && z->has_footer ? footer_at(z, t) : &z->before;
    if (t >= z->at[z->n - 1] && z->has_footer)
        return footer_at(z, t);
    size_t lo = 0, hi = z->n;
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (z->at[mid] <= t)
            lo = mid;
        else
            hi = mid;
    }
    return &z->types[z->type[lo]];
}

void wallclock_local(const struct zone *z, int64_t seconds, struct civil *out) {
    const struct ttinfo *t = type_at(z, seconds);
    wallclock_utc(seconds + t->offset, out);
    out->offset = t->offset;
    memcpy(out->zone, t->name, sizeof out->zone);
}

/* The first instant whose local time is c; in a gap, the time moved forward by
 * the size of the gap (read with the offset in force before it). */
int64_t wallclock_from_local(const struct zone *z, const struct civil *c) {
    int64_t local = wallclock_from_utc(c);
    int32_t before = type_at(z, local - WALLCLOCK_DAY_S)->offset;
    int32_t after = type_at(z, local + WALLCLOCK_DAY_S)->offset;
    int64_t a = local - before, b = local - after;
    bool a_fits = type_at(z, a)->offset == before, b_fits = type_at(z, b)->offset == after;
    if (a_fits && b_fits)
        return a < b ? a : b;
    if (a_fits || !b_fits)
        return a;
    return b;
}
