/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/segments/population.h"

#include "base/arena.h"
#include "base/json.h"
#include "rules/cel.h"

const char population_catalog[] =
    "attributes:\n"
    "  country: string\n  plan: string\n  points: int\n  ratio: double\n  vip: bool\n"
    "  joined: timestamp\n  address: map\n"
    "events:\n"
    "  order: { properties: { amount: double, sku: string, gift: bool, item: map } }\n"
    "purchase: { event: order, value: amount }\n";

static uint64_t state;

void population_seed(uint64_t seed) {
    state = seed;
}

unsigned population_draw(unsigned below) {
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) >> 33) % below;
}

#define draw population_draw
#define COUNT(list) (sizeof(list) / sizeof *(list))
#define PICK(list) list[draw(COUNT(list))]

static const char *const texts[] = {"TW", "HK", "",  "tw", "a'b\\c", "\xe5\x8f\xb0",
                                    "%_", "W",  "Z", "5",  "true",   "\xc3\xa9\xf0\x9f\x90\xa6"};
static const char *const numbers[] = {"0",
                                      "1",
                                      "-3",
                                      "2.5",
                                      "5",
                                      "5.0",
                                      "50",
                                      "0.1",
                                      "1e3",
                                      "1e300",
                                      "100",
                                      "-0.001",
                                      "9007199254740993",
                                      "4.9999999999999999",
                                      "50.00000000000001",
                                      "9223372036854775808",
                                      "1e400",
                                      "-1e400",
                                      "1e-400"};
static const char *const times[] = {"2026-11-21T00:00:00Z",
                                    "2026-11-14T00:00:00Z",
                                    "2026-03-29T02:30:00+01:00",
                                    "2026-10-25T02:30:00+02:00",
                                    "2026-11-20T23:59:59-12:00",
                                    "2026-11-14T05:00:00.000001+05:00",
                                    "0001-01-01T00:00:00Z",
                                    "9999-12-31T23:59:59.999Z",
                                    "2026-11-14",
                                    "yesterday"};

/* ---- customers */
static void json_text(struct buf *b) {
    json_write_string(b, str_from(PICK(texts)));
}

static void json_any(struct buf *b, int depth) {
    switch (draw(depth ? 9 : 7)) {
    case 0:
        buf_add_str(b, S("null"));
        return;
    case 1:
        buf_add_str(b, draw(2) ? S("true") : S("false"));
        return;
    case 2:
        buf_add_str(b, str_from(PICK(numbers)));
        return;
    case 3:
        buf_printf(b, "\"%s\"", PICK(times));
        return;
    case 7:
        buf_add_char(b, '[');
        json_any(b, 0);
        buf_add_char(b, ']');
        return;
    case 8:
        buf_add_str(b, S("{\"city\":"));
        json_any(b, 0);
        buf_add_char(b, '}');
        return;
    default:
        json_text(b);
    }
}

enum kind { TEXT, NUMBER, BOOL, TIME, ANY };

struct member {
    const char *name;
    enum kind kind;
};

static void object(struct buf *b, const struct member *list, size_t n) {
    bool any = false;
    buf_add_char(b, '{');
    for (size_t i = 0; i < n; i++) {
        if (draw(5) == 0)
            continue;
        buf_printf(b, "%s\"%s\":", any ? "," : "", list[i].name);
        any = true;
        switch (draw(5) ? list[i].kind : ANY) {
        case TEXT:
            json_text(b);
            break;
        case NUMBER:
            buf_add_str(b, str_from(PICK(numbers)));
            break;
        case BOOL:
            buf_add_str(b, draw(2) ? S("true") : S("false"));
            break;
        case TIME:
            buf_printf(b, "\"%s\"", PICK(times));
            break;
        default:
            json_any(b, 1);
        }
    }
    buf_add_char(b, '}');
}

static void attributes(struct buf *b) {
    static const struct member list[] = {{"country", TEXT}, {"plan", TEXT},   {"points", NUMBER},
                                         {"ratio", NUMBER}, {"vip", BOOL},    {"joined", TIME},
                                         {"any", ANY},      {"address", ANY}, {"email", TEXT}};
    object(b, list, COUNT(list));
}

static void properties(struct buf *b) {
    static const struct member list[] = {
        {"amount", NUMBER}, {"sku", TEXT}, {"gift", BOOL}, {"item", ANY}, {"page", TEXT}};
    object(b, list, COUNT(list));
}

/* On, just before and just behind the edges of windows; long ago; to come. */
static int64_t instant(void) {
    static const int64_t day = INT64_C(86400000000);
    static const int64_t edges[] = {0,       1,           day,
                                    7 * day, 30 * day,    90 * day,
                                    day / 2, 36500 * day, 400 * 365 * day,
                                    -1,      -30 * day,   2500 * 365 * day};
    int64_t us = POPULATION_NOW_US - PICK(edges) + (int64_t)draw(3) - 1;
    return draw(2) ? us : POPULATION_NOW_US - (int64_t)draw(100) * day - (int64_t)draw(1000000);
}

static struct str text_or_null(struct arena *a) {
    return draw(3) ? str_dup(a, str_from(PICK(texts))) : STR_NONE;
}

static bool insert_customers(struct dbsync *db, struct arena *a, unsigned n, struct err *e) {
    static const struct db_stmt st = {
        NULL, "insert into godwit.customers (shard, key, email, locale, timezone, attributes) "
              "select godwit.shard_of(k), k, m, l, t, x "
              "from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[]) "
              "as u (k, m, l, t, x)"};
    struct db_array *column[5];
    for (size_t i = 0; i < 5; i++)
        column[i] = db_array(a, i == 4 ? DB_JSONB : DB_TEXT, n);
    for (unsigned i = 0; i < n; i++) {
        struct buf json = BUF_IN(a);
        attributes(&json);
        db_array_text(column[0], str_printf(a, i % 7 ? "c%u" : "c \"%u\\", i));
        db_array_text(column[1], text_or_null(a));
        db_array_text(column[2], text_or_null(a));
        db_array_text(column[3], draw(2) ? S("Europe/Berlin") : STR_NONE);
        db_array_jsonb(column[4], buf_str(&json));
    }
    struct db_params *p = db_params(a);
    for (size_t i = 0; i < 5; i++)
        db_param_array(p, column[i]);
    return dbsync_query(db, &st, p, NULL, e);
}

static bool insert_events(struct dbsync *db, struct arena *a, unsigned n, struct err *e) {
    static const struct db_stmt st = {
        NULL, "insert into godwit.events (customer, name, properties, occurred_at) "
              "select * from unnest($1::text[], $2::text[], $3::jsonb[], $4::timestamptz[])"};
    struct db_array *customer = db_array(a, DB_TEXT, n), *name = db_array(a, DB_TEXT, n);
    struct db_array *props = db_array(a, DB_JSONB, n), *at = db_array(a, DB_TIMESTAMPTZ, n);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = draw(6); k > 0; k--) {
            struct buf json = BUF_IN(a);
            properties(&json);
            db_array_text(customer, str_printf(a, i % 7 ? "c%u" : "c \"%u\\", i));
            db_array_text(name, draw(3) ? S("order") : S("visit"));
            db_array_jsonb(props, buf_str(&json));
            db_array_timestamptz(at, instant());
        }
    }
    struct db_params *p = db_params(a);
    db_param_array(p, customer);
    db_param_array(p, name);
    db_param_array(p, props);
    db_param_array(p, at);
    return dbsync_query(db, &st, p, NULL, e);
}

bool population_insert(struct dbsync *db, unsigned n, struct err *e) {
    struct arena *a = arena_new(0);
    bool ok = insert_customers(db, a, n, e) && insert_events(db, a, n, e);
    arena_free(a);
    return ok;
}

/* ---- conditions */
static const char *const operators[] = {"==", "==", "!=", "<", "<=", ">", ">="};
static const char *const windows[] = {"1d", "7d", "30d", "90d", "12h", "36500d", "all"};
static const char *const paths[] = {"customer.country",
                                    "customer.plan",
                                    "customer.points",
                                    "customer.ratio",
                                    "customer.vip",
                                    "customer.any",
                                    "customer.address.city",
                                    "customer[\"any\"]",
                                    "customer.email",
                                    "customer.key",
                                    "customer.locale",
                                    "customer.joined",
                                    "rfm.r",
                                    "rfm.m",
                                    "rfm.revenue",
                                    "rfm.top"};
static const char *const past[] = {"it.amount", "it.sku", "it.gift", "it.item.city", "it.page"};

static void cel_text(struct buf *b) {
    cel_write_value(b, value_str(str_from(PICK(texts))), 100);
}

static void constant(struct buf *b) {
    switch (draw(7)) {
    case 0:
        buf_add_str(b, draw(2) ? S("true") : S("false"));
        return;
    case 1:
    case 2:
        buf_add_str(b, str_from(numbers[draw(15)]));
        return;
    case 3:
        if (draw(3) == 0) {
            buf_add_str(b, S("null"));
            return;
        } /* falls through */
    default:
        cel_text(b);
    }
}

static void time_constant(struct buf *b) {
    if (draw(2))
        buf_printf(b, "now - %s(%u)", draw(2) ? "days" : "hours", draw(100));
    else
        buf_printf(b, "timestamp(\"%s\")", times[draw(8)]);
}

static void comparison(struct buf *b, const char *path) {
    static const char *const functions[] = {"contains", "startsWith", "endsWith"};
    switch (draw(6)) {
    case 0:
        buf_printf(b, "%s in [", path);
        constant(b);
        buf_add_str(b, S(", "));
        constant(b);
        buf_add_char(b, ']');
        return;
    case 1:
        buf_printf(b, "%s.%s(", path, PICK(functions));
        cel_text(b);
        buf_add_char(b, ')');
        return;
    case 2:
        constant(b);
        buf_printf(b, " %s %s", PICK(operators), path);
        return;
    default:
        buf_printf(b, "%s %s ", path, PICK(operators));
        if (strstr(path, "joined"))
            time_constant(b);
        else
            constant(b);
    }
}

static void filter(struct buf *b, int depth) {
    switch (draw(depth ? 7 : 4)) {
    case 0:
        buf_printf(b, "has(%s)", PICK(past));
        return;
    case 1:
        buf_add_str(b, S("it.gift"));
        return;
    case 4:
        buf_add_str(b, S("!("));
        filter(b, depth - 1);
        buf_add_char(b, ')');
        return;
    case 5:
        filter(b, depth - 1);
        buf_add_str(b, draw(2) ? S(" && ") : S(" || "));
        filter(b, depth - 1);
        return;
    case 6:
        buf_printf(b, "it.at %s ", PICK(operators));
        time_constant(b);
        return;
    default:
        comparison(b, draw(6) ? PICK(past) : PICK(paths));
    }
}

static void looking_back(struct buf *b) {
    static const char *const sums[] = {"sum", "avg", "min", "max"};
    const char *event = draw(4) ? "order" : "visit", *op = PICK(operators);
    char tail[400] = "";
    if (draw(2)) {
        struct buf f = BUF_HEAP;
        filter(&f, 2);
        snprintf(tail, sizeof tail, ", %.*s", STR_FMT(buf_str(&f)));
        buf_close(&f);
    }
    switch (draw(6)) {
    case 0:
    case 1:
        buf_printf(b, "count(\"%s\", \"%s\"%s) %s %u%s", event, PICK(windows), tail, op, draw(5),
                   draw(3) ? "" : ".5");
        return;
    case 2:
        buf_printf(b, "%s(\"%s\", \"amount\", \"%s\"%s) %s %s", PICK(sums), event, PICK(windows),
                   tail, op, numbers[draw(14)]);
        return;
    case 3:
        buf_printf(b, "since(\"%s\"%s) %s %s(%u)", event, tail, op, draw(2) ? "days" : "hours",
                   draw(100));
        return;
    case 4:
        buf_printf(b, "%s(\"%s\"%s).at %s ", draw(2) ? "first" : "last", event, tail, op);
        time_constant(b);
        return;
    default:
        buf_printf(b, "last(\"%s\"%s).sku %s ", event, tail, op);
        cel_text(b);
    }
}

static void leaf(struct buf *b, unsigned n_segments) {
    const char *path = PICK(paths);
    switch (draw(9)) {
    case 0:
        buf_printf(b, "has(%s)", strchr(path, '[') ? "customer.address.city" : path);
        return;
    case 1:
        buf_add_str(b, draw(3) ? S("customer.vip") : S("customer.plan.size() == 2"));
        return;
    case 2:
        if (n_segments) {
            buf_printf(b, "in_segment(\"s%u\")", draw(n_segments));
            return;
        } /* falls through */
    case 3:
    case 4:
    case 5:
        looking_back(b);
        return;
    default:
        comparison(b, path);
    }
}

static void condition(struct buf *b, int depth, unsigned n_segments) {
    unsigned form = depth ? draw(6) : 0;
    buf_add_char(b, '(');
    if (form <= 1) {
        leaf(b, n_segments);
    } else if (form == 2) {
        buf_add_char(b, '!');
        condition(b, depth - 1, n_segments);
    } else {
        condition(b, depth - 1, n_segments);
        buf_add_str(b, form == 5 ? S(" ? ") : form == 4 ? S(" || ") : S(" && "));
        condition(b, depth - 1, n_segments);
        if (form == 5) {
            buf_add_str(b, S(" : "));
            condition(b, depth - 1, n_segments);
        }
    }
    buf_add_char(b, ')');
}

void population_condition(struct buf *b, unsigned n_segments) {
    condition(b, 3, n_segments);
}
