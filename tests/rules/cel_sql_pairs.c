/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests/rules/cel_sql.sh: random customers and random conditions, as an SQL
 * script on standard output and, in the file named last, what cel_eval() gives for
 * each pair: "condition|customer|exact|true, false or null".
 *
 *     cel_sql_pairs SEED CONDITIONS CUSTOMERS FILE
 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "rules/cel_sql.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t state;

static unsigned draw(unsigned below) {
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) >> 33) % below;
}

#define PICK(list) list[draw(sizeof(list) / sizeof *(list))]

static const char *const texts[] = {"TW",  "HK",  "",  "tw",       "a'b\\c", "\xe5\x8f\xb0",
                                    "TWD", "%_",  "W", "\xc3\xa9", "Z",      "$1",
                                    "5",   "true"};
static const char *const numbers[] = {"0",
                                      "1",
                                      "-3",
                                      "2.5",
                                      "5",
                                      "5.0",
                                      "0.1",
                                      "1e3",
                                      "-0.001",
                                      "9007199254740993",
                                      "1e300",
                                      "100",
                                      "4.9999999999999999"};

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
    case 3:
        buf_add_str(b, str_from(PICK(numbers)));
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

static void attributes(struct buf *b) {
    static const char *const fields[] = {"country", "plan", "points", "ratio",
                                         "vip",     "any",  "address"};
    bool any = false;
    buf_add_char(b, '{');
    for (size_t i = 0; i < 7; i++) {
        if (draw(4) == 0)
            continue;
        buf_printf(b, "%s\"%s\":", any ? "," : "", fields[i]);
        any = true;
        unsigned kind = draw(3) ? (unsigned)i : 5; /* mostly of the declared type */
        if (kind <= 1)
            json_text(b);
        else if (kind == 2 || kind == 3)
            buf_add_str(b, str_from(PICK(numbers)));
        else if (kind == 4)
            buf_add_str(b, draw(2) ? S("true") : S("false"));
        else
            json_any(b, 1);
    }
    buf_add_char(b, '}');
}

/* ---- conditions */
static const char *const paths[] = {"customer.country",      "customer.plan",     "customer.points",
                                    "customer.ratio",        "customer.vip",      "customer.any",
                                    "customer.address.city", "customer[\"any\"]", "customer.email"};

static void cel_text(struct buf *b) {
    cel_write_value(b, value_str(str_from(PICK(texts))), 100);
}

static void constant(struct buf *b) {
    switch (draw(6)) {
    case 0:
        buf_add_str(b, draw(2) ? S("true") : S("false"));
        return;
    case 1:
    case 2:
        buf_add_str(b, str_from(PICK(numbers)));
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

static void leaf(struct buf *b) {
    static const char *const ops[] = {"==", "==", "!=", "<", "<=", ">", ">="};
    static const char *const functions[] = {"contains", "startsWith", "endsWith"};
    const char *path = PICK(paths);
    switch (draw(8)) {
    case 0:
        buf_printf(b, "has(%s)", path[8] == '[' ? "customer.address.city" : path);
        return;
    case 1:
        buf_printf(b, "%s in [", path);
        constant(b);
        buf_add_str(b, S(", "));
        constant(b);
        buf_add_char(b, ']');
        return;
    case 2:
        buf_printf(b, "%s.%s(", path, PICK(functions));
        cel_text(b);
        buf_add_char(b, ')');
        return;
    case 3:
        constant(b);
        buf_printf(b, " %s %s", PICK(ops), path);
        return;
    case 4:
        buf_add_str(b, draw(4) ? S("customer.vip") : S("customer.plan.size() == 2"));
        return;
    default:
        buf_printf(b, "%s %s ", path, PICK(ops));
        constant(b);
    }
}

static void condition(struct buf *b, int depth) {
    unsigned form = depth ? draw(6) : 0;
    buf_add_char(b, '(');
    if (form <= 1) {
        leaf(b);
    } else if (form == 2) {
        buf_add_char(b, '!');
        condition(b, depth - 1);
    } else {
        condition(b, depth - 1);
        buf_add_str(b, form == 5 ? S(" ? ") : form == 4 ? S(" || ") : S(" && "));
        condition(b, depth - 1);
        if (form == 5) {
            buf_add_str(b, S(" : "));
            condition(b, depth - 1);
        }
    }
    buf_add_char(b, ')');
}

/* ---- output */
static void sql_literal(struct buf *b, struct str s) {
    buf_add_char(b, '\'');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'')
            buf_add_char(b, '\'');
        buf_add_char(b, s.p[i]);
    }
    buf_add_char(b, '\'');
}

/* The text with its parameters written in. */
static struct str with_literals(struct arena *a, const struct cel_sql *q) {
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < q->text.n;) {
        size_t number = 0;
        if (q->text.p[i] != '$') {
            buf_add_char(&b, q->text.p[i++]);
            continue;
        }
        for (i++; i < q->text.n && q->text.p[i] >= '0' && q->text.p[i] <= '9'; i++)
            number = number * 10 + (size_t)(q->text.p[i] - '0');
        if (number == 0 || number > q->n_params)
            abort();
        sql_literal(&b, q->params[number - 1]);
    }
    return buf_str(&b);
}

struct customer {
    struct value value; /* attributes and email together, as conditions see them */
};

static void make_customers(struct arena *a, struct customer *list, unsigned n) {
    puts("create temp table c (id int primary key, email text, attributes jsonb);");
    for (unsigned i = 0; i < n; i++) {
        struct buf json = BUF_IN(a), sql = BUF_IN(a);
        struct err e;
        struct value v;
        attributes(&json);
        if (!json_parse(a, buf_str(&json), &v, &e))
            abort();
        buf_printf(&sql, "insert into c values (%u, ", i);
        struct map *m = (struct map *)v.u.map;
        if (draw(3)) {
            const char *email = PICK(texts);
            map_set_str(a, m, S("email"), value_str(str_from(email)));
            sql_literal(&sql, str_from(email));
        } else {
            buf_add_str(&sql, S("null"));
        }
        buf_add_str(&sql, S(", "));
        sql_literal(&sql, buf_str(&json));
        printf("%.*s);\n", STR_FMT(buf_str(&sql)));
        list[i].value = value_map(m);
    }
}

static const struct cel_program *draw_condition(struct arena *a, const struct cel_env *env) {
    for (;;) {
        struct buf b = BUF_IN(a);
        struct cel_issues issues;
        cel_issues_init(&issues, a);
        condition(&b, 3);
        const struct cel_program *p = cel_compile_condition(a, env, buf_str(&b), &issues);
        if (p)
            return p;
    }
}

static void write_pairs(FILE *expected, unsigned c, const struct cel_program *p,
                        const struct cel_sql *q, const struct customer *customers, unsigned n) {
    struct arena *a = arena_new(0);
    fprintf(expected, "#%u|%.*s\n", c, STR_FMT(cel_program_source(p)));
    for (unsigned i = 0; i < n; i++) {
        struct cel_activation act = {.slots = &customers[i].value, .n_slots = 1};
        struct value v;
        struct err e;
        bool ok = cel_eval(p, &act, a, &v, &e) && v.type == V_BOOL;
        fprintf(expected, "%u|%u|%d|%s\n", c, i, q->errors, !ok ? "null" : v.u.b ? "true" : "false");
    }
    printf("select '%u|' || id || '|' || coalesce((%.*s)::text, 'null') from c order by id;\n", c,
           STR_FMT(with_literals(a, q)));
    arena_free(a);
}

int main(int argc, char **argv) {
    static const struct cel_type text = {.kind = CEL_STRING}, integer = {.kind = CEL_INT},
                                 real = {.kind = CEL_DOUBLE}, boolean = {.kind = CEL_BOOL};
    static const struct cel_field fields[] = {{S("country"), &text},   {S("plan"), &text},
                                              {S("points"), &integer}, {S("ratio"), &real},
                                              {S("vip"), &boolean},    {S("email"), &text}};
    static const struct cel_type customer = {.kind = CEL_MAP, .fields = fields, .n_fields = 6};
    static const struct cel_field declared[] = {{S("customer"), &customer}};
    static const struct cel_field dynamic[] = {{S("customer"), NULL}};
    static const struct cel_env envs[] = {{.variables = declared, .n_variables = 1},
                                          {.variables = dynamic, .n_variables = 1}};
    static const struct cel_sql_column columns[] = {
        {S("customer"), S("c.attributes"), CEL_SQL_JSON},
        {S("customer.email"), S("c.email"), CEL_SQL_TEXT}};
    static const struct cel_sql_scope scope = {.columns = columns, .n_columns = 2};
    FILE *expected = argc == 5 ? fopen(argv[4], "w") : NULL;
    if (!expected)
        return 2;
    state = strtoull(argv[1], NULL, 10);
    unsigned conditions = (unsigned)strtoul(argv[2], NULL, 10);
    unsigned n = (unsigned)strtoul(argv[3], NULL, 10), exact = 0, selective = 0;
    struct arena *a = arena_new(1 << 20);
    struct customer *customers = ARENA_ARRAY(a, struct customer, n);
    make_customers(a, customers, n);
    for (unsigned c = 0; c < conditions; c++) {
        struct arena *one = arena_new(0);
        const struct cel_program *p = draw_condition(one, &envs[c % 2]);
        struct cel_sql q = cel_sql_where(p, &scope, 1, one);
        exact += q.exact;
        selective += q.selective;
        write_pairs(expected, c, p, &q, customers, n);
        arena_free(one);
    }
    fprintf(stderr, "%u conditions: %u exact, %u selective\n", conditions, exact, selective);
    arena_free(a);
    return fclose(expected) == 0 ? 0 : 1;
}
