/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/liquid_filters.h"

#include "base/arena.h"

/* Sorted by name: one is found by halving. */
#define F(n, least, most, help) \
    { {#n, sizeof #n - 1}, least, most, false, filter_##n, help }
#define OURS(n, least, most, help) \
    { {#n, sizeof #n - 1}, least, most, true, filter_##n, help }
static const struct filter filters[] = {
    F(abs, 0, 0, "the number without its sign"),
    F(append, 1, 1, "the text with another behind it"),
    F(at_least, 1, 1, "the number, or the one given if that is larger"),
    F(at_most, 1, 1, "the number, or the one given if that is smaller"),
    F(base64_decode, 0, 0, "the text that base64 stands for"),
    F(base64_encode, 0, 0, "the text in base64"),
    F(base64_url_safe_decode, 0, 0, "the text that URL-safe base64 stands for"),
    F(base64_url_safe_encode, 0, 0, "the text in URL-safe base64"),
    F(capitalize, 0, 0, "the first letter large, the others small"),
    F(ceil, 0, 0, "rounded up to a whole number"),
    F(compact, 0, 1, "the list without elements (or with a property) that are nothing"),
    F(concat, 1, 1, "the list with another behind it"),
    F(date, 1, 1, "a date written with a pattern: \"%Y-%m-%d\""),
    F(default, 0, 2, "another value when it is nothing, false or empty; allow_false: true"),
    F(divided_by, 1, 1, "divided; a whole number by a whole number gives one, rounded down"),
    F(downcase, 0, 0, "in small letters"),
    F(escape, 0, 0, "with & < > \" ' as HTML writes them"),
    F(escape_once, 0, 0, "the same, but what is escaped already stays"),
    F(find, 1, 2, "the first element whose property is true, or equals the value"),
    F(find_index, 1, 2, "its place in the list, from 0"),
    F(first, 0, 0, "the first element"),
    F(floor, 0, 0, "rounded down to a whole number"),
    F(h, 0, 0, "the same as escape"),
    F(has, 1, 2, "whether the list has such an element"),
    F(join, 0, 1, "the elements in one text, with a text (a space) between them"),
    OURS(json, 0, 0, "as JSON, for the body of a webhook"),
    F(last, 0, 0, "the last element"),
    F(lstrip, 0, 0, "without white space at the start"),
    F(map, 1, 1, "the list of one property of each element"),
    F(minus, 1, 1, "less the number given"),
    F(modulo, 1, 1, "what is left after dividing"),
    OURS(money, 0, 1, "an amount in the customer's format, of the currency given: \"TWD\""),
    F(newline_to_br, 0, 0, "with <br /> in front of each line end"),
    OURS(number, 0, 1, "a number in the customer's format, with so many decimals"),
    F(plus, 1, 1, "and the number given"),
    F(prepend, 1, 1, "the text with another in front of it"),
    OURS(raw, 0, 0, "not escaped: the text is HTML already"),
    F(reject, 1, 2, "the elements without the property, or where it is not the value"),
    F(remove, 1, 1, "without a text, everywhere"),
    F(remove_first, 1, 1, "without its first occurrence"),
    F(remove_last, 1, 1, "without its last occurrence"),
    F(replace, 1, 2, "with one text in place of another, everywhere"),
    F(replace_first, 1, 2, "at its first occurrence"),
    F(replace_last, 2, 2, "at its last occurrence"),
    F(reverse, 0, 0, "the list backwards"),
    F(round, 0, 1, "rounded, to so many decimals"),
    F(rstrip, 0, 0, "without white space at the end"),
    F(size, 0, 0, "how many elements or characters"),
    F(slice, 1, 2, "a part: from where (0 is the start), how many (1)"),
    F(sort, 0, 1, "in order, by a property; large letters before small"),
    F(sort_natural, 0, 1, "in order as texts, large or small letters alike"),
    F(split, 1, 1, "a list of the parts between a text"),
    F(strip, 0, 0, "without white space at both ends"),
    F(strip_html, 0, 0, "without HTML tags"),
    F(strip_newlines, 0, 0, "without line ends"),
    F(sum, 0, 1, "the sum of the elements, or of a property of them"),
    OURS(t, 0, 2, "the translation under this key, with the values given: name: value"),
    F(times, 1, 1, "times the number given"),
    F(truncate, 0, 2, "cut to so many characters (50), \"...\" included"),
    F(truncatewords, 0, 2, "cut to so many words (15), with \"...\" behind"),
    F(uniq, 0, 1, "without repeated elements (by a property)"),
    F(upcase, 0, 0, "in large letters"),
    F(url_decode, 0, 0, "with %40 and + read as characters"),
    F(url_encode, 0, 0, "fit for a URL"),
    F(where, 1, 2, "the elements whose property is true, or equals the value"),
};
#undef F
#undef OURS
#define FILTERS (sizeof filters / sizeof *filters)

const struct filter *filter_named(struct str name, bool ours) {
    size_t low = 0, high = FILTERS;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = str_cmp(name, filters[mid].name);
        if (c == 0)
            return filters[mid].ours && !ours ? NULL : &filters[mid];
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

struct str filter_nearest(struct str name) {
    struct str names[FILTERS];
    for (size_t i = 0; i < FILTERS; i++)
        names[i] = filters[i].name;
    return str_nearest(name, names, FILTERS);
}

const struct filter *filter_at(size_t i) {
    return i < FILTERS ? &filters[i] : NULL;
}

/* ---- shared */
struct str filter_text(struct render *r, struct value v) {
    return liquid_text(r->arena, v);
}

bool filter_result(struct render *r, struct buf *b, struct value *out) {
    if (b->n > UINT32_MAX)
        return liquid_fail(r, "a text gets longer than 4 GiB");
    *out = value_str(b->n ? buf_str(b) : S(""));
    return true;
}

bool filter_room(struct render *r, uint64_t more) {
    if (more > r->most.memory)
        return liquid_fail(r, "a text gets longer than %zu bytes", r->most.memory);
    return liquid_work(r, more / 64);
}

bool filter_integer(struct render *r, struct value v, int64_t *out) {
    struct err e = ERR_INIT;
    if (liquid_integer(v, out, &e))
        return true;
    return liquid_fail(r, "a whole number is needed here, not %s: %s", liquid_kind(v), e.text);
}

static bool no_property(struct render *r, struct value key) {
    struct str text = filter_text(r, key);
    return liquid_fail(r, "cannot select the property `%.*s`", STR_FMT(text));
}

/* text[key]: the part itself when the text has it, or one character. */
static bool text_property(struct render *r, struct str s, struct value key, struct value *out) {
    int64_t i;
    *out = VALUE_NULL;
    if (key.type == V_STRING) {
        if (str_find(s, value_text(key)) >= 0)
            *out = key;
        return true;
    }
    if (key.type == V_NULL || !liquid_is_number(key) || !liquid_leading_integer(key, &i))
        return no_property(r, key);
    int64_t n = (int64_t)utf8_length(s);
    i += i < 0 ? n : 0;
    if (i >= 0 && i < n) {
        struct str rest = str_sub(s, utf8_offset(s, (size_t)i), s.n);
        *out = value_str(utf8_first(rest));
    }
    return true;
}

bool filter_property(struct render *r, struct value item, struct value key, struct value *out,
                     bool *unknown) {
    int64_t i;
    *unknown = false;
    *out = VALUE_NULL;
    switch (item.type) {
    case V_MAP: {
        const struct value *hit = map_get(item.u.map, key);
        if (hit)
            *out = *hit;
        return true;
    }
    case V_STRING:
        return text_property(r, value_text(item), key, out);
    case V_INT: /* a bit of it */
        if (!liquid_is_number(key) || !liquid_leading_integer(key, &i))
            return no_property(r, key);
        *out = value_int(i < 0 ? 0 : (item.u.i >> (i > 63 ? 63 : i)) & 1);
        return true;
    case V_BIG:
        return no_property(r, key);
    case V_FORLOOP:
    case V_TABLEROW:
    case V_SELF:
        return true;
    default:
        *unknown = true;
        return false;
    }
}

/* ---- of any value */
FILTER(default) {
    struct value v = in->input;
    bool allow_false = false;
    uint32_t n = in->n;
    if (n && in->v[n - 1].type == V_MAP) {
        const struct value *a = map_get_str(in->v[n - 1].u.map, S("allow_false"));
        allow_false = a && liquid_truthy(*a) && n > 1;
    }
    bool nothing = allow_false ? v.type == V_NULL : !liquid_truthy(v);
    if (nothing || liquid_is_empty(v))
        *out = n ? in->v[0] : value_str(S(""));
    (void)r;
    return true;
}

FILTER(size) {
    struct value v = in->input;
    int64_t n = 0;
    (void)r;
    switch (v.type) {
    case V_STRING:
        n = (int64_t)utf8_length(value_text(v));
        break;
    case V_LIST:
        n = (int64_t)v.u.list->n;
        break;
    case V_MAP:
        n = (int64_t)v.u.map->n;
        break;
    case V_RANGE:
        n = range_size(v.u.ext);
        break;
    case V_INT:
        n = 8;
        break;
    default:
        break;
    }
    *out = value_int(n);
    return true;
}
