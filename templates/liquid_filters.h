/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_filters: the table of filters. A filter is a function from an input and
 * the values after its colon to a value; it lives in the file of its theme:
 * liquid_filters_{array,string,html,number,date,field}.c. Adding one is one
 * function and one line of the table. Pure; any thread.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_FILTERS_H
#define GODWIT_TEMPLATES_LIQUID_FILTERS_H

#include "base/err.h"
#include "templates/liquid_expr.h"
#include "templates/liquid_state.h"

struct filter_args {
    struct value input;
    uint32_t n;
    const struct value *v; /* named values are one map, the last */
};

typedef bool (*filter_fn)(struct render *r, const struct filter_args *in, struct value *out);

struct filter {
    struct str name;
    uint8_t least, most; /* values after the colon */
    bool ours;           /* not of the standard language: only in messages */
    filter_fn apply;
    const char *help; /* one line, for the documentation */
};

/* NULL when there is none; `ours`: those of messages too. */
const struct filter *filter_named(struct str name, bool ours);
struct str filter_nearest(struct str name); /* a suggestion, or STR_NONE */
const struct filter *filter_at(size_t i);   /* the i-th of the table, NULL behind the end */

/* ---- what filters share */
struct str filter_text(struct render *r, struct value v);               /* of an input or a value */
bool filter_result(struct render *r, struct buf *b, struct value *out); /* a made text */
/* Room for `more` bytes in a result: false when that would be too much memory. */
bool filter_room(struct render *r, uint64_t more);
bool filter_integer(struct render *r, struct value v, int64_t *out);
/* What item[key] is in the reference: of a map, a text (a part of it), an integer (a bit).
 * *out nothing when there is none; false with `unknown` set when the item has no such
 * thing at all, otherwise with an error. */
bool filter_property(struct render *r, struct value item, struct value key, struct value *out,
                     bool *unknown);

/* ---- by theme; each is described in the table */
#define FILTER(name) \
    bool filter_##name(struct render *r, const struct filter_args *in, struct value *out)
FILTER(abs);
FILTER(append);
FILTER(at_least);
FILTER(at_most);
FILTER(base64_decode);
FILTER(base64_encode);
FILTER(base64_url_safe_decode);
FILTER(base64_url_safe_encode);
FILTER(capitalize);
FILTER(ceil);
FILTER(compact);
FILTER(concat);
FILTER(date);
FILTER(default);
FILTER(divided_by);
FILTER(downcase);
FILTER(escape);
FILTER(escape_once);
FILTER(find);
FILTER(find_index);
FILTER(first);
FILTER(floor);
FILTER(h);
FILTER(has);
FILTER(join);
FILTER(json);
FILTER(last);
FILTER(lstrip);
FILTER(map);
FILTER(minus);
FILTER(modulo);
FILTER(money);
FILTER(newline_to_br);
FILTER(number);
FILTER(plus);
FILTER(prepend);
FILTER(raw);
FILTER(reject);
FILTER(remove);
FILTER(remove_first);
FILTER(remove_last);
FILTER(replace);
FILTER(replace_first);
FILTER(replace_last);
FILTER(reverse);
FILTER(round);
FILTER(rstrip);
FILTER(size);
FILTER(slice);
FILTER(sort);
FILTER(sort_natural);
FILTER(split);
FILTER(strip);
FILTER(strip_html);
FILTER(strip_newlines);
FILTER(sum);
FILTER(t);
FILTER(times);
FILTER(truncate);
FILTER(truncatewords);
FILTER(uniq);
FILTER(upcase);
FILTER(url_decode);
FILTER(url_encode);
FILTER(where);

#endif
