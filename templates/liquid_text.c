/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of values (see liquid_value.h).
 */
#include "config.h"

#include "base/arena.h"
#include "base/wallclock.h"
#include "templates/liquid_value.h"

#include <inttypes.h>

static size_t int_digits(int64_t i, char tmp[24]) {
    uint64_t u = i < 0 ? (uint64_t)0 - (uint64_t)i : (uint64_t)i;
    size_t at = 24;
    do
        tmp[--at] = (char)('0' + u % 10);
    while (u /= 10);
    if (i < 0)
        tmp[--at] = '-';
    return at;
}

static void write_int(struct buf *out, int64_t i) {
    char tmp[24];
    size_t at = int_digits(i, tmp);
    buf_add(out, tmp + at, sizeof tmp - at);
}

static void write_big(struct buf *out, const struct big *b) {
    number_write(out, (struct number){.integer = true, .negative = b->negative, .mag = b->mag});
}

static void inspect_list(struct buf *out, const struct list *l) {
    buf_add_char(out, '[');
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            buf_add(out, ", ", 2);
        liquid_inspect(out, l->v[i]);
    }
    buf_add_char(out, ']');
}

static void inspect_map(struct buf *out, const struct map *m) {
    buf_add_char(out, '{');
    for (size_t i = 0; i < m->n; i++) {
        if (i)
            buf_add(out, ", ", 2);
        liquid_inspect(out, m->e[i].key);
        buf_add(out, "=>", 2);
        liquid_inspect(out, m->e[i].value);
    }
    buf_add_char(out, '}');
}

void liquid_write(struct buf *out, struct value v) {
    char tmp[64];
    switch (v.type) {
    case V_NULL:
        break;
    case V_BOOL:
        buf_add_str(out, v.u.b ? S("true") : S("false"));
        break;
    case V_INT:
        write_int(out, v.u.i);
        break;
    case V_UINT:
        buf_printf(out, "%" PRIu64, v.u.u);
        break;
    case V_DOUBLE:
        number_write_double(out, v.u.d);
        break;
    case V_STRING:
    case V_BYTES:
        buf_add_str(out, value_text(v));
        break;
    case V_LIST:
        inspect_list(out, v.u.list);
        break;
    case V_MAP:
        inspect_map(out, v.u.map);
        break;
    case V_TIMESTAMP:
        wallclock_format(v.u.i, v.aux, tmp, sizeof tmp);
        buf_add_str(out, str_from(tmp));
        break;
    case V_DURATION:
        wallclock_format_duration(v.u.i, tmp, sizeof tmp);
        buf_add_str(out, str_from(tmp));
        break;
    case V_BIG:
        write_big(out, v.u.ext);
        break;
    case V_RANGE: {
        const struct range *r = v.u.ext;
        buf_printf(out, "%" PRId64 "..%" PRId64, r->first, r->last);
        break;
    }
    case V_FORLOOP:
        buf_add_str(out, S("Liquid::ForloopDrop"));
        break;
    case V_TABLEROW:
        buf_add_str(out, S("Liquid::TablerowloopDrop"));
        break;
    case V_SELF:
        buf_add_str(out, S("Liquid::SelfDrop"));
        break;
    default:
        break;
    }
}

struct str liquid_text(struct arena *a, struct value v) {
    if (v.type == V_STRING || v.type == V_BYTES)
        return value_text(v);
    if (v.type == V_NULL)
        return S("");
    if (v.type == V_BOOL)
        return v.u.b ? S("true") : S("false");
    struct buf b = BUF_IN(a);
    liquid_write(&b, v);
    return b.n ? buf_str(&b) : S("");
}

static void inspect_string(struct buf *out, struct str s) {
    static const char special[] = "\a\b\t\n\v\f\r\033\"\\", names[] = "abtnvfre\"\\";
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.n;) {
        uint32_t point = 0;
        size_t n = str_utf8(str_sub(s, i, s.n), &point);
        int32_t code = n ? (int32_t)point : -1; /* a stray byte */
        n = n ? n : 1;
        const char *hit = code > 0 && code < 0x80 ? strchr(special, (int)code) : NULL;
        if (hit)
            buf_printf(out, "\\%c", names[hit - special]);
        else if (code == '#' && i + 1 < s.n && strchr("{$@", s.p[i + 1]))
            buf_add(out, "\\#", 2);
        else if (code < 0 || code < 0x20 || code == 0x7f)
            buf_printf(out, code < 0 ? "\\x%02X" : "\\u%04X",
                       code < 0 ? (unsigned)(unsigned char)s.p[i] : (unsigned)code);
        else if ((code >= 0x80 && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
                 (code >= 0xd800 && code < 0xe000))
            buf_printf(out, "\\u%04X", (unsigned)code);
        else
            buf_add(out, s.p + i, n);
        i += n;
    }
    buf_add_char(out, '"');
}

void liquid_inspect(struct buf *out, struct value v) {
    if (v.type == V_NULL)
        buf_add_str(out, S("nil"));
    else if (v.type == V_STRING || v.type == V_BYTES)
        inspect_string(out, value_text(v));
    else
        liquid_write(out, v);
}

const char *liquid_kind(struct value v) {
    switch (v.type) {
    case V_NULL:
        return "nothing";
    case V_BOOL:
        return "true or false";
    case V_INT:
    case V_BIG:
    case V_UINT:
    case V_DOUBLE:
        return "a number";
    case V_STRING:
        return "a text";
    case V_LIST:
        return "a list";
    case V_MAP:
        return "an object";
    case V_TIMESTAMP:
        return "a time";
    default:
        return "a value of another kind";
    }
}
