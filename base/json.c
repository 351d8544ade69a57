/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/json.h"

#include "base/arena.h"
#include "base/wallclock.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_DEPTH 128

static bool convert(struct arena *a, json_t *j, int depth, struct value *out, struct err *e);

static bool convert_object(struct arena *a, json_t *j, int depth, struct value *out,
                           struct err *e) {
    struct map *m = map_new(a, json_object_size(j));
    for (void *it = json_object_iter(j); it; it = json_object_iter_next(j, it)) {
        struct value v;
        if (!convert(a, json_object_iter_value(it), depth + 1, &v, e))
            return false;
        map_set(a, m, value_str(str_dup(a, str_from(json_object_iter_key(it)))), v);
    }
    *out = value_map(m);
    return true;
}

static bool convert(struct arena *a, json_t *j, int depth, struct value *out, struct err *e) {
    if (depth >= MAX_DEPTH && (json_is_array(j) || json_is_object(j)))
        return err_set(e, ERR_INPUT, "JSON is nested deeper than %d", MAX_DEPTH);
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return convert_object(a, j, depth, out, e);
    case JSON_ARRAY: {
        struct list *l = list_new(a, json_array_size(j));
        for (size_t i = 0; i < json_array_size(j); i++) {
            struct value v;
            if (!convert(a, json_array_get(j, i), depth + 1, &v, e))
                return false;
            list_add(a, l, v);
        }
        *out = value_list(l);
        return true;
    }
    case JSON_STRING:
        *out = value_str(str_dup(a, str_of(json_string_value(j), json_string_length(j))));
        return true;
    case JSON_INTEGER:
        *out = value_int(json_integer_value(j));
        return true;
    case JSON_REAL:
        *out = value_double(json_real_value(j));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = value_bool(json_is_true(j));
        return true;
    case JSON_NULL:
        *out = VALUE_NULL;
        return true;
    }
    return err_set(e, ERR_BUG, "unknown JSON type");
}

static size_t skip_string(struct str text, size_t i) {
    for (i++; i < text.n && text.p[i] != '"'; i++)
        if (text.p[i] == '\\')
            i++;
    return i < text.n ? i + 1 : text.n;
}

/* How a number that jansson refuses is written so that it takes it; false: it is fine. */
static bool tame_number(struct str number, struct str *out, struct arena *a) {
    int64_t fits;
    char *text = str_cstr(a, number), *end;
    bool whole = strspn(text, "-0123456789") == number.n;
    if (isinf(strtod(text, &end)) && !*end) {
        *out = *text == '-' ? S("-1.7976931348623157e308") : S("1.7976931348623157e308");
        return true;
    }
    if (!whole || number.n <= 18 || str_to_int64(number, &fits))
        return false;
    *out = str_printf(a, "%.*s.0", STR_FMT(number));
    return true;
}

/* A copy in which integers outside int64 end in ".0" and no number is beyond a double. */
static struct str widen_numbers(struct arena *a, struct str text) {
    struct buf b = BUF_IN(a);
    size_t done = 0, i = 0;
    while (i < text.n) {
        size_t from = i;
        struct str tamed;
        if (text.p[i] == '"') {
            i = skip_string(text, i);
            continue;
        }
        while (i < text.n && text.p[i] && strchr("+-.0123456789eE", text.p[i]))
            i++;
        struct str number = str_sub(text, from, i);
        if (number.n == 0) {
            i++;
        } else if (tame_number(number, &tamed, a)) {
            buf_add(&b, text.p + done, from - done);
            buf_add_str(&b, tamed);
            done = i;
        }
    }
    buf_add(&b, text.p + done, text.n - done);
    return buf_str(&b);
}

bool json_parse(struct arena *a, struct str text, struct value *out, struct err *e) {
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t je;
    json_t *j = json_loadb(text.n ? text.p : "", text.n, flags, &je);
    if (!j && json_error_code(&je) == json_error_numeric_overflow) {
        struct str wide = widen_numbers(a, text);
        j = json_loadb(wide.p, wide.n, flags, &je);
    }
    if (!j)
        return err_set(e, ERR_INPUT, "not valid JSON: %s (line %d, column %d)", je.text, je.line,
                       je.column);
    bool ok = convert(a, j, 0, out, e);
    json_decref(j);
    return ok;
}

static bool must_escape(uint32_t c) {
    return c < ' ' || c == '"' || c == '\\' || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
           c == 0x2029;
}

static void add_escape(struct buf *out, uint32_t c) {
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof shorts; i += 2)
        if (c == (unsigned char)shorts[i]) {
            buf_add_char(out, '\\');
            buf_add_char(out, shorts[i + 1]);
            return;
        }
    buf_printf(out, "\\u%04x", c);
}

void json_write_string(struct buf *out, struct str s) {
    buf_add_char(out, '"');
    size_t from = 0, step;
    for (size_t i = 0; i < s.n; i += step) {
        unsigned char byte = (unsigned char)s.p[i];
        uint32_t c = byte;
        step = byte < 0x80 ? 1 : str_utf8(str_of(s.p + i, s.n - i), &c);
        if (step && !must_escape(c))
            continue;
        buf_add(out, s.p + from, i - from);
        if (step)
            add_escape(out, c);
        else
            buf_add_str(out, S("\uFFFD"));
        step = step ? step : 1;
        from = i + step;
    }
    if (from < s.n)
        buf_add(out, s.p + from, s.n - from);
    buf_add_char(out, '"');
}

static void write_bytes(struct buf *out, struct str s) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t three = 0;
        for (size_t j = 0; j < 3; j++)
            three = three << 8 | (i + j < s.n ? (unsigned char)s.p[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            buf_add_char(out, i + j <= s.n ? digit[three >> (18 - 6 * j) & 63] : '=');
    }
    buf_add_char(out, '"');
}

static void write_double(struct buf *out, double d) {
    char text[STR_DOUBLE_MAX];
    if (!isfinite(d)) {
        buf_add(out, "null", 4);
        return;
    }
    buf_add_str(out, str_from_double(d, text));
    if (!strpbrk(text, ".e"))
        buf_add(out, ".0", 2);
}

static void newline(struct buf *out, int indent) {
    if (indent < 0)
        return;
    buf_add_char(out, '\n');
    for (int i = 0; i < indent; i++)
        buf_add(out, "  ", 2);
}

static void write_value(struct buf *out, struct value v, int indent);

static void write_map(struct buf *out, const struct map *m, int indent) {
    int inner = indent < 0 ? -1 : indent + 1;
    buf_add_char(out, '{');
    for (size_t i = 0; i < m->n; i++) {
        if (i)
            buf_add_char(out, ',');
        newline(out, inner);
        if (m->e[i].key.type == V_STRING) {
            json_write_string(out, value_text(m->e[i].key));
        } else { /* CEL's other keys */
            buf_add_char(out, '"');
            write_value(out, m->e[i].key, -1);
            buf_add_char(out, '"');
        }
        buf_add_char(out, ':');
        if (indent >= 0)
            buf_add_char(out, ' ');
        write_value(out, m->e[i].value, inner);
    }
    if (m->n)
        newline(out, indent);
    buf_add_char(out, '}');
}

static void write_list(struct buf *out, const struct list *l, int indent) {
    int inner = indent < 0 ? -1 : indent + 1;
    buf_add_char(out, '[');
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            buf_add_char(out, ',');
        newline(out, inner);
        write_value(out, l->v[i], inner);
    }
    if (l->n)
        newline(out, indent);
    buf_add_char(out, ']');
}

static void write_value(struct buf *out, struct value v, int indent) {
    switch (v.type) {
    case V_BOOL:
        buf_add_str(out, v.u.b ? S("true") : S("false"));
        break;
    case V_INT:
        buf_printf(out, "%" PRId64, v.u.i);
        break;
    case V_UINT:
        buf_printf(out, "%" PRIu64, v.u.u);
        break;
    case V_DOUBLE:
        write_double(out, v.u.d);
        break;
    case V_STRING:
        json_write_string(out, value_text(v));
        break;
    case V_BYTES:
        write_bytes(out, value_text(v));
        break;
    case V_LIST:
        write_list(out, v.u.list, indent);
        break;
    case V_MAP:
        write_map(out, v.u.map, indent);
        break;
    case V_TIMESTAMP:
    case V_DURATION: {
        char tmp[64];
        if (v.type == V_TIMESTAMP)
            wallclock_format(v.u.i, v.aux, tmp, sizeof tmp);
        else
            wallclock_format_duration(v.u.i, tmp, sizeof tmp);
        json_write_string(out, str_from(tmp));
        break;
    }
    default:
        buf_add(out, "null", 4);
    }
}

void json_write(struct buf *out, struct value v) {
    write_value(out, v, -1);
}

void json_write_pretty(struct buf *out, struct value v) {
    write_value(out, v, 0);
}
