/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/json.h"
#include "rules/form.h"

#include <inttypes.h>

#define SPAN_PATTERN "^([0-9]+[wdhms])+$"

static void write_form(struct buf *out, const struct form *f);

static void write_choices(struct buf *out, const struct form_field *f) {
    bool first = true;
    buf_add_str(out, S("\"enum\":["));
    for (const char *const *c = f->choices; *c; c++) {
        if (!**c)
            continue;
        buf_add_str(out, first ? S("") : S(","));
        json_write_string(out, str_from(*c));
        first = false;
    }
    buf_add_char(out, ']');
}

/* The inner of an object that describes the field's value. */
static void write_type(struct buf *out, const struct form_field *f) {
    switch (f->type) {
    case FORM_TEXT:
        /* a plain 007 or true is text where text is wanted */
        buf_add_str(out, S("\"type\":[\"string\",\"number\",\"boolean\"]"));
        return;
    case FORM_NAME:
        buf_add_str(out, S("\"type\":[\"string\",\"number\"],\"minLength\":1"));
        return;
    case FORM_INT:
        buf_printf(out, "\"type\":\"integer\",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64,
                   f->least, f->most);
        return;
    case FORM_BOOL:
        buf_add_str(out, S("\"type\":\"boolean\""));
        return;
    case FORM_SPAN:
        buf_add_str(out, S("\"type\":\"string\",\"pattern\":\"" SPAN_PATTERN "\""));
        return;
    case FORM_CHOICE:
        write_choices(out, f);
        return;
    case FORM_SUB:
    case FORM_CUSTOM:
    case FORM_LATER:
        return;
    }
}

static void write_field(struct buf *out, const struct form_field *f) {
    buf_add_str(out, S("{\"description\":"));
    json_write_string(out, str_from(f->help));
    if (f->sub && f->shape == FORM_MAP_OF) {
        buf_add_str(out, S(",\"type\":\"object\",\"additionalProperties\":"));
        write_form(out, f->sub);
    } else if (f->sub && f->shape == FORM_LIST_OF) {
        buf_printf(out, ",\"type\":\"array\",\"minItems\":%" PRId64 ",\"items\":", f->least);
        write_form(out, f->sub);
    } else if (f->sub) {
        buf_add_str(out, S(",\"allOf\":["));
        write_form(out, f->sub);
        buf_add_char(out, ']');
    } else if (f->schema) { /* its members, behind the description */
        struct str inner = str_from(f->schema);
        buf_add_char(out, ',');
        buf_add_str(out, str_sub(inner, 1, inner.n - 1));
    } else {
        buf_add_char(out, ',');
        write_type(out, f);
    }
    buf_add_char(out, '}');
}

static void write_members(struct buf *out, const struct form *f) {
    bool first = true;
    buf_add_str(out, S("\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"));
    for (const struct form_field *x = f->fields; x->key; x++) {
        if (x->type == FORM_LATER)
            continue;
        buf_add_str(out, first ? S("") : S(","));
        json_write_string(out, str_from(x->key));
        buf_add_char(out, ':');
        write_field(out, x);
        first = false;
    }
    buf_add_char(out, '}');
    first = true;
    for (const struct form_field *x = f->fields; x->key; x++) {
        if (!x->required)
            continue;
        buf_add_str(out, first ? S(",\"required\":[") : S(","));
        json_write_string(out, str_from(x->key));
        first = false;
    }
    if (!first)
        buf_add_char(out, ']');
}

static void write_form(struct buf *out, const struct form *f) {
    buf_add_str(out, S("{\"description\":"));
    json_write_string(out, str_from(f->help));
    buf_add_char(out, ',');
    write_members(out, f);
    buf_add_char(out, '}');
}

void form_schema(struct buf *out, const struct form *f, const char *title, enum form_shape shape) {
    buf_add_str(out, S("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":"));
    json_write_string(out, str_from(title));
    buf_add_char(out, ',');
    if (shape == FORM_MAP_OF) {
        buf_add_str(out, S("\"type\":\"object\",\"additionalProperties\":{\"oneOf\":[{\"type\":"
                           "\"string\",\"minLength\":1},"));
        write_form(out, f);
        buf_add_str(out, S("]}"));
    } else if (shape == FORM_LIST_OF) {
        buf_add_str(out, S("\"type\":\"array\",\"items\":"));
        write_form(out, f);
    } else {
        buf_add_str(out, S("\"description\":"));
        json_write_string(out, str_from(f->help));
        buf_add_char(out, ',');
        write_members(out, f);
    }
    buf_add_char(out, '}');
}
