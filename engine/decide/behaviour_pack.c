/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/decide/behaviour_pack.h"

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "rules/cel.h"

#include <inttypes.h>
#include <stdlib.h>

#define FORMAT 1 /* first byte of the packed form */

/* ---- layouts: what all conditions together look at */

struct collect {
    struct arena *a;
    struct behaviour_layout *list;
    size_t n, cap;
};

static struct behaviour_layout *layout_of(struct collect *c, struct str event) {
    for (size_t i = 0; i < c->n; i++)
        if (str_eq(c->list[i].event, event))
            return &c->list[i];
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 8;
        c->list = arena_grow(c->a, c->list, c->n * sizeof *c->list, cap * sizeof *c->list);
        c->cap = cap;
    }
    c->list[c->n] = (struct behaviour_layout){.event = event, .foldable = true};
    return &c->list[c->n++];
}

static void add_property(struct collect *c, struct behaviour_layout *l, struct str path) {
    for (size_t i = 0; i < l->n_properties; i++)
        if (str_eq(l->properties[i], path))
            return;
    struct str *more = ARENA_ARRAY(c->a, struct str, l->n_properties + 1);
    for (size_t i = 0; i < l->n_properties; i++)
        more[i] = l->properties[i];
    more[l->n_properties++] = path;
    l->properties = more;
}

static void add_use(struct collect *c, const struct cel_behaviour_use *use) {
    struct behaviour_layout *l = layout_of(c, use->event);
    if (use->window_us > l->longest_us)
        l->longest_us = use->window_us;
    if (use->filter.n && use->window_us == BEHAVIOUR_ALL)
        l->foldable = false;
    for (size_t i = 0; i < use->n_paths; i++)
        add_property(c, l, use->paths[i]);
    if (use->whole)
        add_property(c, l, S(""));
}

static void add_program(struct collect *c, const struct cel_program *p) {
    const struct cel_uses *uses = p ? cel_program_uses(p) : NULL;
    for (size_t i = 0; uses && i < uses->n_behaviour; i++)
        add_use(c, uses->behaviour[i]);
}

static int by_text(const void *a, const void *b) {
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int by_event(const void *a, const void *b) {
    const struct behaviour_layout *x = a, *y = b;
    return str_cmp(x->event, y->event);
}

static void set_hash(struct behaviour_layout *l) {
    struct buf b = BUF_HEAP;
    char hex[DIGEST_HEX_CHARS + 1];
    buf_printf(&b, "%d %" PRId64 " %d", FORMAT, l->longest_us, l->foldable);
    for (size_t i = 0; i < l->n_properties; i++)
        buf_printf(&b, " %zu:%.*s", l->properties[i].n, STR_FMT(l->properties[i]));
    digest_sha256_hex(buf_str(&b), hex);
    memcpy(l->hash, hex, BEHAVIOUR_HASH_CHARS);
    l->hash[BEHAVIOUR_HASH_CHARS] = '\0';
    buf_close(&b);
}

static void on_program(void *ctx, const struct cel_program *p) {
    add_program(ctx, p);
}

void behaviour_layouts(struct arena *a, const struct campaign_set *set,
                       const struct behaviour_layout **out, size_t *n) {
    struct collect c = {.a = a};
    for (size_t i = 0; i < set->n_campaigns; i++)
        campaign_programs(set->campaigns[i], on_program, &c);
    for (size_t i = 0; i < set->n_earlier; i++)
        campaign_programs(set->earlier[i], on_program, &c);
    for (size_t i = 0; i < set->n_segments; i++)
        add_program(&c, set->segments[i].program);
    if (c.n)
        qsort(c.list, c.n, sizeof *c.list, by_event);
    for (size_t i = 0; i < c.n; i++) {
        if (c.list[i].n_properties)
            qsort((struct str *)c.list[i].properties, c.list[i].n_properties, sizeof(struct str),
                  by_text);
        set_hash(&c.list[i]);
    }
    *out = c.list;
    *n = c.n;
}

const struct behaviour_layout *behaviour_layout_find(const struct behaviour_layout *list, size_t n,
                                                     struct str event) {
    size_t from = 0, upto = n;
    while (from < upto) {
        size_t middle = from + (upto - from) / 2;
        int c = str_cmp(event, list[middle].event);
        if (c == 0)
            return &list[middle];
        if (c < 0)
            upto = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

/* ---- a log that grows */

void behaviour_init(struct behaviour *b, const struct behaviour_layout *layout, struct arena *a) {
    *b = (struct behaviour){.layout = layout, .arena = a};
    b->log.properties = layout->properties;
    b->log.n_properties = layout->n_properties;
}

static struct behaviour_entry *entries_of(struct behaviour *b) {
    return (struct behaviour_entry *)b->log.entries;
}

static struct behaviour_entry *make_room(struct behaviour *b, size_t at) {
    struct behaviour_log *log = &b->log;
    if (log->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 8;
        log->entries = arena_grow(b->arena, entries_of(b), log->n * sizeof *log->entries,
                                  cap * sizeof *log->entries);
        b->cap = cap;
    }
    struct behaviour_entry *e = entries_of(b) + at;
    memmove(e + 1, e, (log->n - at) * sizeof *e);
    log->n++;
    return e;
}

static int compare(int64_t at_a, int64_t id_a, int64_t at_b, int64_t id_b) {
    if (at_a != at_b)
        return at_a < at_b ? -1 : 1;
    return (id_a > id_b) - (id_a < id_b);
}

static const struct value *values_of(struct behaviour *b, struct value properties) {
    size_t n = b->log.n_properties;
    struct value *v = ARENA_ARRAY(b->arena, struct value, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct str path = b->log.properties[i];
        const struct value *found = path.n ? value_path(&properties, path) : &properties;
        if (found)
            v[i] = *found;
    }
    return v;
}

/* ---- totals of what was folded */

static bool number_of(struct value v, double *out) {
    if (value_is(v, V_INT))
        *out = (double)v.u.i;
    else if (value_is(v, V_UINT))
        *out = (double)v.u.u;
    else if (value_is(v, V_DOUBLE))
        *out = v.u.d;
    else
        return false;
    return true;
}

static void total_add(struct behaviour_total *t, struct value v, bool is_first, bool is_last) {
    double d;
    if (is_first)
        t->first = v;
    if (is_last)
        t->last = v;
    if (!number_of(v, &d))
        return;
    t->min = t->n == 0 || d < t->min ? d : t->min;
    t->max = t->n == 0 || d > t->max ? d : t->max;
    t->sum += d;
    t->n++;
}

static void fold_entry(struct behaviour *b, const struct behaviour_entry *e) {
    struct behaviour_log *log = &b->log;
    bool none = log->older.count == 0;
    bool first = none || compare(e->at_us, e->id, log->older.first_at_us, log->older.first_id) < 0;
    bool last = none || compare(e->at_us, e->id, log->older.last_at_us, log->older.last_id) > 0;
    struct behaviour_total *totals = (struct behaviour_total *)log->older.totals;
    if (!totals)
        log->older.totals = totals =
            ARENA_ARRAY(b->arena, struct behaviour_total, log->n_properties + 1);
    for (size_t i = 0; i < log->n_properties; i++)
        total_add(&totals[i], e->values[i], first, last);
    if (first) {
        log->older.first_at_us = e->at_us;
        log->older.first_id = e->id;
    }
    if (last) {
        log->older.last_at_us = e->at_us;
        log->older.last_id = e->id;
    }
    log->older.count++;
}

void behaviour_add(struct behaviour *b, int64_t id, int64_t at_us, struct value properties) {
    struct behaviour_log *log = &b->log;
    size_t at = log->n;
    for (size_t i = 0; i < log->n; i++)
        if (log->entries[i].id == id)
            return;
    while (at > 0 && compare(at_us, id, log->entries[at - 1].at_us, log->entries[at - 1].id) < 0)
        at--;
    struct behaviour_entry e = {at_us, id, values_of(b, properties)};
    if (at == 0 && log->older.count > 0 &&
        compare(at_us, id, log->older.last_at_us, log->older.last_id) <= 0)
        fold_entry(b, &e); /* came late, into a time that was folded */
    else
        *make_room(b, at) = e;
}

void behaviour_fold(struct behaviour *b, int64_t now_us) {
    struct behaviour_log *log = &b->log;
    size_t n = 0;
    if (!b->layout->foldable)
        return;
    while (n + BEHAVIOUR_KEPT < log->n && log->entries[n].at_us <= now_us - b->layout->longest_us)
        fold_entry(b, &log->entries[n++]);
    if (n == 0)
        return;
    memmove(entries_of(b), log->entries + n, (log->n - n) * sizeof *log->entries);
    log->n -= n;
}

/* ---- packed form
 *
 *   byte     FORMAT
 *   8 bytes  the first half of the layout's hash
 *   varint   number of folded events; if not 0: first_at, first_id, last_at, last_id (signed),
 *            and for each property: n (varint), sum, min, max (8 bytes each), first, last (values)
 *   varint   number of entries, each: at and id as differences to the entry before (signed),
 *            and the value of each property
 */

enum tag { TAG_NONE, TAG_FALSE, TAG_TRUE, TAG_INT, TAG_DOUBLE, TAG_STRING, TAG_JSON };

static void put_varint(struct buf *out, uint64_t v) {
    char bytes[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (char)(v | 0x80);
    bytes[n++] = (char)v;
    buf_add(out, bytes, n);
}

static void put_signed(struct buf *out, int64_t v) {
    put_varint(out, (uint64_t)v << 1 ^ (uint64_t)(v < 0 ? -1 : 0));
}

static void put_double(struct buf *out, double d) {
    uint64_t bits;
    char bytes[8];
    memcpy(&bits, &d, sizeof bits);
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(bits >> (8 * i) & 0xff);
    buf_add(out, bytes, sizeof bytes);
}

static void put_text(struct buf *out, enum tag tag, struct str s) {
    buf_add_char(out, (char)tag);
    put_varint(out, s.n);
    buf_add_str(out, s);
}

static void put_json(struct buf *out, struct value v) {
    struct buf json = BUF_HEAP;
    json_write(&json, v);
    put_text(out, TAG_JSON, buf_str(&json));
    buf_close(&json);
}

static void put_value(struct buf *out, struct value v) {
    switch (v.type) {
    case V_NULL:
        buf_add_char(out, TAG_NONE);
        return;
    case V_BOOL:
        buf_add_char(out, v.u.b ? TAG_TRUE : TAG_FALSE);
        return;
    case V_INT:
        buf_add_char(out, TAG_INT);
        put_signed(out, v.u.i);
        return;
    case V_DOUBLE:
        buf_add_char(out, TAG_DOUBLE);
        put_double(out, v.u.d);
        return;
    case V_STRING:
        put_text(out, TAG_STRING, value_text(v));
        return;
    default:
        put_json(out, v);
        return;
    }
}

static void put_older(const struct behaviour_log *log, struct buf *out) {
    put_varint(out, (uint64_t)log->older.count);
    if (log->older.count == 0)
        return;
    put_signed(out, log->older.first_at_us);
    put_signed(out, log->older.first_id);
    put_signed(out, log->older.last_at_us);
    put_signed(out, log->older.last_id);
    for (size_t i = 0; i < log->n_properties; i++) {
        const struct behaviour_total *t = &log->older.totals[i];
        put_varint(out, (uint64_t)t->n);
        put_double(out, t->sum);
        put_double(out, t->min);
        put_double(out, t->max);
        put_value(out, t->first);
        put_value(out, t->last);
    }
}

void behaviour_pack(const struct behaviour *b, struct buf *out) {
    const struct behaviour_log *log = &b->log;
    uint64_t at = 0, id = 0;
    buf_add_char(out, FORMAT);
    buf_add(out, b->layout->hash, 8);
    put_older(log, out);
    put_varint(out, log->n);
    for (size_t i = 0; i < log->n; i++) {
        const struct behaviour_entry *e = &log->entries[i];
        put_signed(out, (int64_t)((uint64_t)e->at_us - at));
        put_signed(out, (int64_t)((uint64_t)e->id - id));
        at = (uint64_t)e->at_us;
        id = (uint64_t)e->id;
        for (size_t j = 0; j < log->n_properties; j++)
            put_value(out, e->values[j]);
    }
}

/* Reads what was packed; once bad, everything further is zero. */
struct reader {
    struct str left;
    struct arena *a;
    bool bad;
};

static struct str get_bytes(struct reader *r, uint64_t n) {
    if (r->bad || n > r->left.n) {
        r->bad = true;
        return STR_NONE;
    }
    struct str s = str_of(r->left.p, (size_t)n);
    r->left.p += n;
    r->left.n -= (size_t)n;
    return s;
}

static unsigned char get_byte(struct reader *r) {
    struct str s = get_bytes(r, 1);
    return s.n ? (unsigned char)s.p[0] : 0;
}

static uint64_t get_varint(struct reader *r) {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        unsigned char c = get_byte(r);
        v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return v;
    }
    r->bad = true;
    return 0;
}

static int64_t get_signed(struct reader *r) {
    uint64_t v = get_varint(r);
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

static double get_double(struct reader *r) {
    struct str s = get_bytes(r, 8);
    uint64_t bits = 0;
    double d;
    for (size_t i = 0; i < s.n; i++)
        bits |= (uint64_t)(unsigned char)s.p[i] << (8 * i);
    memcpy(&d, &bits, sizeof d);
    return d;
}

static struct value get_value(struct reader *r) {
    struct err e = ERR_INIT;
    struct value v = VALUE_NULL;
    switch (get_byte(r)) {
    case TAG_NONE:
        return v;
    case TAG_FALSE:
        return value_bool(false);
    case TAG_TRUE:
        return value_bool(true);
    case TAG_INT:
        return value_int(get_signed(r));
    case TAG_DOUBLE:
        return value_double(get_double(r));
    case TAG_STRING:
        return value_str(str_dup(r->a, get_bytes(r, get_varint(r))));
    case TAG_JSON:
        r->bad = !json_parse(r->a, get_bytes(r, get_varint(r)), &v, &e) || r->bad;
        return v;
    default:
        r->bad = true;
        return v;
    }
}

static void get_older(struct reader *r, struct behaviour_log *log) {
    uint64_t count = get_varint(r);
    if (count == 0)
        return;
    r->bad = r->bad || count > INT64_MAX;
    struct behaviour_total *totals =
        ARENA_ARRAY(r->a, struct behaviour_total, log->n_properties + 1);
    log->older.count = (int64_t)count;
    log->older.first_at_us = get_signed(r);
    log->older.first_id = get_signed(r);
    log->older.last_at_us = get_signed(r);
    log->older.last_id = get_signed(r);
    log->older.totals = totals;
    for (size_t i = 0; i < log->n_properties; i++) {
        totals[i].n = (int64_t)get_varint(r);
        totals[i].sum = get_double(r);
        totals[i].min = get_double(r);
        totals[i].max = get_double(r);
        totals[i].first = get_value(r);
        totals[i].last = get_value(r);
    }
}

static void get_entries(struct reader *r, struct behaviour *b) {
    uint64_t n = get_varint(r), at = 0, id = 0;
    size_t width = b->log.n_properties;
    if (n > r->left.n / (2 + width)) /* a byte at least for each number and value */
        r->bad = true;
    if (n == 0 || r->bad)
        return;
    b->cap = (size_t)n + 8; /* room for the event that is to be added */
    struct behaviour_entry *entries = ARENA_ARRAY(r->a, struct behaviour_entry, b->cap);
    struct value *values = ARENA_ARRAY(r->a, struct value, n * width + 1);
    b->log.entries = entries;
    for (; b->log.n < n && !r->bad; b->log.n++, values += width) {
        struct behaviour_entry *e = &entries[b->log.n];
        at += (uint64_t)get_signed(r);
        id += (uint64_t)get_signed(r);
        *e = (struct behaviour_entry){(int64_t)at, (int64_t)id, values};
        for (size_t j = 0; j < width; j++)
            values[j] = get_value(r);
        if (b->log.n > 0 && compare(e[-1].at_us, e[-1].id, e->at_us, e->id) >= 0)
            r->bad = true;
    }
}

bool behaviour_unpack(struct behaviour *b, const struct behaviour_layout *layout, struct str bytes,
                      struct arena *a) {
    struct reader r = {.left = bytes, .a = a};
    behaviour_init(b, layout, a);
    if (get_byte(&r) != FORMAT || !str_eq(get_bytes(&r, 8), str_of(layout->hash, 8)))
        return false;
    get_older(&r, &b->log);
    get_entries(&r, b);
    if (!r.bad && r.left.n == 0)
        return true;
    behaviour_init(b, layout, a);
    return false;
}
