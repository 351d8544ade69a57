/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit eval: CEL expressions, one request a line (docs/conditions.md). Values
 * travel in the protobuf-JSON form of cel.expr.Value.
 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/wallclock.h"
#include "cli/command.h"
#include "rules/cel.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH_MAX 100
#define ANSWER_MAX (64u << 20) /* bytes; a value may hold one list many times over */

/* ---- reading values */
static bool read_value(struct arena *a, const struct value *v, int depth, struct value *out,
                       struct err *e);

static bool text_member(const struct value *v, struct str *out, struct err *e) {
    if (v->type != V_STRING)
        return err_set(e, ERR_INPUT, "a binding's value must be a string here");
    *out = value_text(*v);
    return true;
}

static int base64_digit(char c) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

static bool read_bytes(struct arena *a, struct str s, struct value *out, struct err *e) {
    struct buf b = BUF_IN(a);
    uint32_t bits = 0;
    while (s.n && s.p[s.n - 1] == '=')
        s.n--;
    for (size_t i = 0; i < s.n; i++) {
        int d = base64_digit(s.p[i]);
        if (d < 0)
            return err_set(e, ERR_INPUT, "a binding's bytes are not base64");
        bits = bits << 6 | (uint32_t)d;
        if (i % 4)
            buf_add_char(&b, (char)(bits >> (6 - 2 * (i % 4)) & 0xff));
    }
    *out = value_bytes(b.n ? buf_str(&b) : S(""));
    return true;
}

static bool read_uint(struct str s, struct value *out) {
    uint64_t u = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9' || __builtin_mul_overflow(u, 10u, &u) ||
            __builtin_add_overflow(u, (uint64_t)(s.p[i] - '0'), &u))
            return false;
    *out = value_uint(u);
    return s.n > 0;
}

static bool read_number(struct str kind, const struct value *v, struct value *out, struct err *e) {
    struct str s = STR_NONE;
    int64_t i;
    if (v->type == V_STRING)
        s = value_text(*v);
    if (str_eq(kind, S("doubleValue"))) {
        double d;
        if (v->type == V_DOUBLE || v->type == V_INT)
            *out = value_double(v->type == V_INT ? (double)v->u.i : v->u.d);
        else if (str_eq(s, S("NaN")))
            *out = value_double(NAN);
        else if (str_eq(s, S("Infinity")) || str_eq(s, S("-Infinity")))
            *out = value_double(s.n == 8 ? INFINITY : -INFINITY);
        else if (str_to_double(s, &d))
            *out = value_double(d);
        else
            return err_set(e, ERR_INPUT, "a binding's doubleValue is not a number");
        return true;
    }
    if (str_eq(kind, S("uint64Value"))) {
        if (v->type == V_INT && v->u.i >= 0) {
            *out = value_uint((uint64_t)v->u.i);
            return true;
        }
        return read_uint(s, out) || err_set(e, ERR_INPUT, "a binding's uint64Value is not one");
    }
    if (v->type == V_INT)
        i = v->u.i;
    else if (!str_to_int64(s, &i))
        return err_set(e, ERR_INPUT, "a binding's int64Value is not one");
    *out = value_int(i);
    return true;
}

static bool read_list(struct arena *a, const struct value *v, int depth, struct value *out,
                      struct err *e) {
    const struct value *values = v->type == V_MAP ? map_get_str(v->u.map, S("values")) : NULL;
    struct list *l = list_new(a, 0);
    for (size_t i = 0; values && values->type == V_LIST && i < values->u.list->n; i++) {
        struct value item;
        if (!read_value(a, &values->u.list->v[i], depth, &item, e))
            return false;
        list_add(a, l, item);
    }
    *out = value_list(l);
    return true;
}

static bool read_map(struct arena *a, const struct value *v, int depth, struct value *out,
                     struct err *e) {
    const struct value *entries = v->type == V_MAP ? map_get_str(v->u.map, S("entries")) : NULL;
    struct map *m = map_new(a, 0);
    for (size_t i = 0; entries && entries->type == V_LIST && i < entries->u.list->n; i++) {
        const struct value *entry = &entries->u.list->v[i];
        const struct value *key = NULL, *item = NULL;
        struct value k, x;
        if (entry->type == V_MAP) {
            key = map_get_str(entry->u.map, S("key"));
            item = map_get_str(entry->u.map, S("value"));
        }
        if (!key || !item)
            return err_set(e, ERR_INPUT, "an entry of a mapValue needs key and value");
        if (!read_value(a, key, depth, &k, e) || !read_value(a, item, depth, &x, e))
            return false;
        map_set(a, m, k, x);
    }
    *out = value_map(m);
    return true;
}

/* Timestamps and durations are read by the language itself. */
static bool read_object(struct arena *a, const struct value *v, struct value *out, struct err *e) {
    const struct value *type = v->type == V_MAP ? map_get_str(v->u.map, S("@type")) : NULL;
    const struct value *text = type ? map_get_str(v->u.map, S("value")) : NULL;
    if (!text || type->type != V_STRING || text->type != V_STRING)
        return err_set(e, ERR_INPUT, "an objectValue needs @type and value");
    struct str name = value_text(*type);
    bool timestamp = str_ends(name, S("google.protobuf.Timestamp"));
    if (!timestamp && !str_ends(name, S("google.protobuf.Duration")))
        return err_set(e, ERR_INPUT, "objectValue of a type that is not offered");
    struct cel_issues issues;
    struct map *bindings = map_new(a, 1);
    cel_issues_init(&issues, a);
    map_set_str(a, bindings, S("s"), *text);
    const struct cel_program *p =
        cel_compile(a, NULL, timestamp ? S("timestamp(s)") : S("duration(s)"), &issues);
    struct cel_activation act = {.bindings = bindings};
    return p && cel_eval(p, &act, a, out, e);
}

static bool read_value(struct arena *a, const struct value *v, int depth, struct value *out,
                       struct err *e) {
    struct str s;
    struct cel_issues issues;
    if (v->type != V_MAP || v->u.map->n != 1)
        return err_set(e, ERR_INPUT, "a binding must be an object with one member");
    if (depth == 0)
        return err_set(e, ERR_INPUT, "a binding is nested too deeply");
    struct str kind = value_text(v->u.map->e[0].key);
    const struct value *x = &v->u.map->e[0].value;
    if (str_eq(kind, S("nullValue"))) {
        *out = VALUE_NULL;
        return true;
    }
    if (str_eq(kind, S("boolValue"))) {
        *out = *x;
        return x->type == V_BOOL || err_set(e, ERR_INPUT, "a boolValue must be true or false");
    }
    if (str_eq(kind, S("stringValue"))) {
        *out = *x;
        return text_member(x, &s, e);
    }
    if (str_eq(kind, S("bytesValue")))
        return text_member(x, &s, e) && read_bytes(a, s, out, e);
    if (str_eq(kind, S("listValue")))
        return read_list(a, x, depth - 1, out, e);
    if (str_eq(kind, S("mapValue")))
        return read_map(a, x, depth - 1, out, e);
    if (str_eq(kind, S("objectValue")))
        return read_object(a, x, out, e);
    if (str_eq(kind, S("typeValue"))) {
        struct cel_activation act = {0};
        cel_issues_init(&issues, a);
        if (!text_member(x, &s, e))
            return false;
        const struct cel_program *p = cel_compile(a, NULL, s, &issues);
        return p && cel_eval(p, &act, a, out, e);
    }
    return read_number(kind, x, out, e);
}

/* ---- writing values */
static void write_base64(struct buf *out, struct str s) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.n; i += 3) {
        size_t k = s.n - i < 3 ? s.n - i : 3;
        uint32_t v = 0;
        for (size_t j = 0; j < 3; j++)
            v = v << 8 | (j < k ? (unsigned char)s.p[i + j] : 0u);
        for (size_t j = 0; j < 4; j++)
            buf_add_char(out, j <= k ? alphabet[v >> (18 - 6 * j) & 63] : '=');
    }
}

static void write_value(struct buf *out, struct value v);

static void write_double(struct buf *out, double d) {
    if (isnan(d))
        buf_add_str(out, S("\"NaN\""));
    else if (isinf(d))
        buf_add_str(out, d > 0 ? S("\"Infinity\"") : S("\"-Infinity\""));
    else
        json_write(out, value_double(d));
}

static void write_time(struct buf *out, struct value v) {
    char text[64];
    bool timestamp = v.type == V_TIMESTAMP;
    if (timestamp)
        wallclock_format(v.u.i, v.aux, text, sizeof text);
    else
        wallclock_format_duration(v.u.i, text, sizeof text);
    buf_printf(out,
               "{\"objectValue\":{\"@type\":\"type.googleapis.com/google.protobuf.%s\","
               "\"value\":\"%s\"}}",
               timestamp ? "Timestamp" : "Duration", text);
}

static void write_list(struct buf *out, const struct list *l) {
    buf_add_str(out, S("{\"listValue\":{\"values\":["));
    for (size_t i = 0; i < l->n && out->n <= ANSWER_MAX; i++) {
        if (i)
            buf_add_char(out, ',');
        write_value(out, l->v[i]);
    }
    buf_add_str(out, S("]}}"));
}

static void write_map(struct buf *out, const struct map *m) {
    buf_add_str(out, S("{\"mapValue\":{\"entries\":["));
    for (size_t i = 0; i < m->n && out->n <= ANSWER_MAX; i++) {
        buf_add_str(out, i ? S(",{\"key\":") : S("{\"key\":"));
        write_value(out, m->e[i].key);
        buf_add_str(out, S(",\"value\":"));
        write_value(out, m->e[i].value);
        buf_add_char(out, '}');
    }
    buf_add_str(out, S("]}}"));
}

/* An optional has no form in the protocol: its value stands for it. */
static void write_optional(struct buf *out, struct value v) {
    const struct value *inner = cel_optional_value(v);
    write_value(out, inner ? *inner : VALUE_NULL);
}

static void write_value(struct buf *out, struct value v) {
    switch ((int)v.type) {
    case V_BOOL:
        buf_printf(out, "{\"boolValue\":%s}", v.u.b ? "true" : "false");
        return;
    case V_INT:
        buf_printf(out, "{\"int64Value\":\"%" PRId64 "\"}", v.u.i);
        return;
    case V_UINT:
        buf_printf(out, "{\"uint64Value\":\"%" PRIu64 "\"}", v.u.u);
        return;
    case V_DOUBLE:
        buf_add_str(out, S("{\"doubleValue\":"));
        write_double(out, v.u.d);
        break;
    case V_STRING:
        buf_add_str(out, S("{\"stringValue\":"));
        json_write_string(out, value_text(v));
        break;
    case V_BYTES:
        buf_add_str(out, S("{\"bytesValue\":\""));
        write_base64(out, value_text(v));
        buf_add_char(out, '"');
        break;
    case V_LIST:
        write_list(out, v.u.list);
        return;
    case V_MAP:
        write_map(out, v.u.map);
        return;
    case V_TIMESTAMP:
    case V_DURATION:
        write_time(out, v);
        return;
    case CEL_V_TYPE:
        buf_printf(out, "{\"typeValue\":\"%.*s\"}", STR_FMT(cel_type_value_name(v)));
        return;
    case CEL_V_OPTIONAL:
        write_optional(out, v);
        return;
    default:
        buf_add_str(out, S("{\"nullValue\":null}"));
        return;
    }
    buf_add_char(out, '}');
}

/* ---- requests */
static bool bind(struct arena *a, const struct value *given, struct map *bindings, struct err *e) {
    for (size_t i = 0; given && given->type == V_MAP && i < given->u.map->n; i++) {
        struct value v;
        const struct map_entry *entry = &given->u.map->e[i];
        if (!read_value(a, &entry->value, DEPTH_MAX, &v, e))
            return err_context(e, "%.*s", STR_FMT(value_text(entry->key)));
        map_set(a, bindings, entry->key, v);
    }
    return true;
}

static bool evaluate(struct arena *a, const struct map *request, struct value *out, struct err *e) {
    const struct value *expr = map_get_str(request, S("expr"));
    struct cel_issues issues;
    struct map *bindings = map_new(a, 0);
    if (!expr || expr->type != V_STRING)
        return err_set(e, ERR_INPUT, "the request has no `expr`");
    if (!bind(a, map_get_str(request, S("bindings")), bindings, e))
        return false;
    cel_issues_init(&issues, a);
    const struct cel_program *p = cel_compile(a, NULL, value_text(*expr), &issues);
    if (!p)
        return err_set(e, ERR_INPUT, "%.*s (at byte %zu)", STR_FMT(issues.list[0].text),
                       issues.list[0].offset);
    struct cel_activation act = {.bindings = bindings, .now_us = 0};
    return cel_eval(p, &act, a, out, e);
}

static void answer(struct arena *a, struct str line, struct buf *out) {
    struct value request, result;
    struct err e = ERR_INIT;
    const struct value *id = NULL;
    bool ok = json_parse(a, line, &request, &e);
    if (ok && request.type != V_MAP)
        ok = err_set(&e, ERR_INPUT, "the request is not an object");
    if (ok) {
        id = map_get_str(request.u.map, S("id"));
        ok = evaluate(a, request.u.map, &result, &e);
    }
    buf_add_str(out, S("{\"id\":"));
    json_write(out, id ? *id : VALUE_NULL);
    size_t head = out->n;
    if (ok) {
        buf_add_str(out, S(",\"value\":"));
        write_value(out, result);
        ok = out->n <= ANSWER_MAX ||
             err_set(&e, ERR_INPUT, "the value is larger than %u MiB", ANSWER_MAX >> 20);
    }
    if (!ok) {
        out->n = head;
        buf_add_str(out, S(",\"error\":"));
        json_write_string(out, str_from(e.text));
    }
    buf_add_str(out, S("}\n"));
}

static int run_batch(void) {
    struct arena *a = arena_new(1 << 16);
    struct buf out = BUF_HEAP;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, stdin)) >= 0) {
        struct str s = str_trim(str_of(line, (size_t)n));
        if (!s.n)
            continue;
        buf_clear(&out);
        answer(a, s, &out);
        fwrite(out.p, 1, out.n, stdout);
        fflush(stdout);
        arena_reset(a);
    }
    free(line);
    buf_close(&out);
    arena_free(a);
    return ferror(stdin) ? EXIT_WRONG : EXIT_DONE;
}

static void print_issues(const struct cel_issues *issues, struct str source) {
    for (size_t i = 0; i < issues->n; i++) {
        const struct cel_issue *x = &issues->list[i];
        fprintf(stderr, "godwit eval: %.*s\n  %.*s\n  %*s^\n", STR_FMT(x->text), STR_FMT(source),
                (int)x->offset, "");
        if (x->hint.n)
            fprintf(stderr, "  = %.*s\n", STR_FMT(x->hint));
    }
}

static int run_one(struct str source) {
    struct arena *a = arena_new(0);
    struct cel_issues issues;
    struct err e = ERR_INIT;
    struct value v;
    struct buf out = BUF_HEAP;
    struct cel_env env = {.functions = true};
    struct cel_activation act = {.now_us = wallclock_now()};
    int status = EXIT_WRONG;
    cel_issues_init(&issues, a);
    act.at = (struct behaviour_position){act.now_us, INT64_MAX};
    const struct cel_program *p = cel_compile(a, &env, source, &issues);
    if (!p) {
        print_issues(&issues, source);
    } else if (!cel_eval(p, &act, a, &v, &e)) {
        fprintf(stderr, "godwit eval: %s\n", e.text);
    } else {
        cel_write_value(&out, v, 100000);
        printf("%.*s\n", STR_FMT(buf_str(&out)));
        status = EXIT_DONE;
    }
    buf_close(&out);
    arena_free(a);
    return status;
}

static int run(const struct args *args) {
    if (args_get(args, "batch"))
        return args->n ? args_usage(args, "--batch reads expressions from standard input")
                       : run_batch();
    if (args->n != 1)
        return args_usage(args, "one expression is expected");
    return run_one(str_from(args->positional[0]));
}

static const struct command_option options[] = {
    {"batch", 0, NULL, "read requests from standard input, one JSON object a line"},
    {0},
};

const struct command cmd_eval = {
    .name = "eval",
    .arguments = "EXPRESSION",
    .summary = "Evaluates an expression of the condition language.",
    .about =
        "Prints the value. With --batch each line of standard input is a request\n"
        "{\"id\", \"expr\", \"bindings\"?} and is answered by one line {\"id\", \"value\"} or\n"
        "{\"id\", \"error\"}.",
    .example = "  godwit eval '[1, 2, 3].exists(x, x > 2)'\n"
               "  godwit eval --batch < requests.ndjson",
    .options = options,
    .least = 0,
    .most = 1,
    .run = run,
};
