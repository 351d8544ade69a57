/* SPDX-License-Identifier: Apache-2.0
 *
 * post_form: the fields of a POST body, as application/x-www-form-urlencoded or
 * multipart/form-data (RFC 7578; no files are wanted, and none is kept apart).
 *
 * Whatever the body holds, reading it ends with the fields that could be made out; at most
 * POST_FIELDS of them. Pure.
 */
#ifndef GODWIT_BASE_POST_FORM_H
#define GODWIT_BASE_POST_FORM_H

#include "base/str.h"

#define POST_FIELDS 200

struct post_field {
    struct str name, value;
};

struct post_form {
    struct post_field field[POST_FIELDS];
    size_t n;
};

/* `type` is the Content-Type (may be empty: urlencoded). Texts are in `a` or in the body. */
struct post_form *post_form_read(struct arena *a, struct str type, struct str body);
/* The first value of the name; STR_NONE: there is none. */
struct str post_form_get(const struct post_form *f, struct str name);
bool post_form_has(const struct post_form *f, struct str name, struct str value);

#endif
