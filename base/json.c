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

#define MAX_DEPTH 128

static bool convert(struct arena *a, json_t *j, int depth, bool mend, struct value *out,
                    struct err *e);

static bool convert_object(struct arena *a, json_t *j, int depth, bool mend, struct value *out,
                           struct err *e) {
    struct map *m = map_new(a, json_object_size(j));
    for (void *it = json_object_iter(j); it; it = json_object_iter_next(j, it)) {
        struct value v;
        if (!convert(a, json_object_iter_value(it), depth + 1, mend, &v, e))
            return false;
        map_set(a, m, value_str(str_dup(a, str_from(json_object_iter_key(it)))), v);
    }
    *out = value_map(m);
    return true;
}

/* `mend`: integers were read as reals since one did not fit int64. */
static struct value number(double d, bool mend) {
    if (mend && d == floor(d) && fabs(d) < 9007199254740992.0)
        return value_int((int64_t)d);
    return value_double(d);
}

static bool convert(struct arena *a, json_t *j, int depth, bool mend, struct value *out,
                    struct err *e) {
    if (depth > MAX_DEPTH)
        return err_set(e, ERR_INPUT, "JSON is nested deeper than %d", MAX_DEPTH);
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return convert_object(a, j, depth, mend, out, e);
    case JSON_ARRAY: {
        struct list *l = list_new(a, json_array_size(j));
        for (size_t i = 0; i < json_array_size(j); i++) {
            struct value v;
            if (!convert(a, json_array_get(j, i), depth + 1, mend, &v, e))
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
        *out = number(json_real_value(j), mend);
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

bool json_parse(struct arena *a, struct str text, struct value *out, struct err *e) {
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t je;
    bool mend = false;
    json_t *j = json_loadb(text.n ? text.p : "", text.n, flags, &je);
    if (!j && json_error_code(&je) == json_error_numeric_overflow) {
        mend = true;
        j = json_loadb(text.p, text.n, flags | JSON_DECODE_INT_AS_REAL, &je);
    }
    if (!j)
        return err_set(e, ERR_INPUT, "not valid JSON: %s (line %d, column %d)", je.text, je.line,
                       je.column);
    bool ok = convert(a, j, 0, mend, out, e);
    json_decref(j);
    return ok;
}

void json_write_string(struct buf *out, struct str s) {
    buf_add_char(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool separator = c == 0xe2 && i + 2 < s.n && (unsigned char)s.p[i + 1] == 0x80 &&
                         ((unsigned char)s.p[i + 2] & 0xfe) == 0xa8;
        if (c >= ' ' && c != '"' && c != '\\' && c != 0x7f && !separator)
            continue;
        buf_add(out, s.p + from, i - from);
        if (separator) {
            buf_printf(out, "\\u20%02x", (unsigned char)s.p[i + 2] - 0x80);
            i += 2;
        } else if (c == '"' || c == '\\') {
            buf_add_char(out, '\\');
            buf_add_char(out, (char)c);
        } else if (c == '\n') {
            buf_add(out, "\\n", 2);
        } else if (c == '\t') {
            buf_add(out, "\\t", 2);
        } else if (c == '\r') {
            buf_add(out, "\\r", 2);
        } else {
            buf_printf(out, "\\u%04x", c);
        }
        from = i + 1;
    }
    buf_add(out, s.p ? s.p + from : NULL, s.n - from);
    buf_add_char(out, '"');
}

static void write_double(struct buf *out, double d) {
    if (!isfinite(d)) {
        buf_add(out, "null", 4);
        return;
    }
    char tmp[40];
    for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back equal */
        snprintf(tmp, sizeof tmp, "%.*g", digits, d);
        if (strtod(tmp, NULL) == d)
            break;
    }
    buf_add_str(out, str_from(tmp));
    if (!strpbrk(tmp, ".e"))
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
    case V_BYTES:
        json_write_string(out, value_text(v));
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
