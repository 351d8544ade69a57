/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_value: what Liquid does with a value: its truth, its text, its order.
 *
 * Data comes in as base values; Liquid's own kinds start at V_OWN. All answers
 * are those of the reference implementation, down to its words for a hash or a
 * range. Text that is made lives in the arena given. Pure; any thread.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_VALUE_H
#define GODWIT_TEMPLATES_LIQUID_VALUE_H

#include "base/err.h"
#include "base/value.h"
#include "templates/liquid_number.h"

enum liquid_type {
    V_BIG = V_OWN, /* struct big */
    V_RANGE,       /* struct range */
    V_FORLOOP,     /* struct forloop, of a loop that may still run */
    V_TABLEROW,    /* struct tablerow */
    V_SELF,        /* struct frame: the variables that are visible, as an object */
    V_EMPTY,       /* `empty` and `blank`, only as an operand of a condition */
    V_BLANK
};

#define VALUE_SAFE 1u /* in flags of a V_STRING: is HTML already */

struct range {
    int64_t first, last;
};

struct forloop {
    struct str name;
    int64_t length, index; /* index from 0 */
    const struct forloop *parent;
};

struct tablerow {
    int64_t length, index, cols, col, row; /* col and row from 1 */
};

static inline bool liquid_truthy(struct value v) {
    return v.type != V_NULL && (v.type != V_BOOL || v.u.b);
}
bool liquid_is_empty(struct value v); /* has no elements or characters */
bool liquid_is_blank(struct value v); /* nothing, false, empty, or white space only */

/* The text of a value; of nothing, none. A string is not copied. */
struct str liquid_text(struct arena *a, struct value v);
void liquid_write(struct buf *out, struct value v);
/* As a programmer would write it: "text" in quotes, nil. */
void liquid_inspect(struct buf *out, struct value v);

bool liquid_equal(struct value a, struct value b);
/* Equal and of one kind (1 and 1.0 are not): for `uniq` and names of cycles. */
bool liquid_same(struct value a, struct value b);
uint64_t liquid_hash(struct value v); /* agrees with liquid_same */
/* -1, 0, 1; false when the two have no order. */
bool liquid_order(struct value a, struct value b, int *out);
bool liquid_contains(struct arena *a, struct value whole, struct value part);

bool liquid_is_number(struct value v);
const char *liquid_kind(struct value v); /* "Integer", "String", ... for messages */
/* A number, the number a text begins with or stands for, otherwise zero. */
struct number liquid_number(struct arena *a, struct value v);
/* Refuses what is not an integer: "12" is one, 2.5 and nothing are not. */
bool liquid_integer(struct value v, int64_t *out, struct err *e) MUST_CHECK;
/* The integer a text begins with, or zero; a float without its fraction. False for a
 * value that has none (a list, true). */
bool liquid_leading_integer(struct value v, int64_t *out);

int64_t range_size(const struct range *r); /* at most INT64_MAX */
size_t utf8_length(struct str s);
/* The offset of character number `chars`, at most s.n. */
size_t utf8_offset(struct str s, size_t chars);
struct str utf8_last(struct str s); /* the last character */
struct str utf8_first(struct str s);

/* White space as the reference's strip takes it: ASCII and NUL. */
struct str liquid_lstrip(struct str s);
struct str liquid_rstrip(struct str s);
struct str liquid_strip(struct str s);

#endif
