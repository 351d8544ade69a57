/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/json.h"
#include "rules/form.h"

#include <assert.h>
#include <inttypes.h>

#define SPAN_PATTERN "^([0-9]+[wdhms])+$"

/* Forms that may stand inside of themselves are written once, behind the rest. */
#define DEFS_MOST 8u

struct writer {
    struct buf *out;
    const struct form *defs[DEFS_MOST];
    size_t n_defs;
};

static void write_form(struct writer *w, const struct form *f);

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
        return;
    }
}

/* The members of an object that is given as text, behind others. */
static void write_text(struct buf *out, const char *schema) {
    struct str inner = str_from(schema);
    buf_add_char(out, ',');
    buf_add_str(out, str_sub(inner, 1, inner.n - 1));
}

/* One of them, or as text beside it. */
static void write_one(struct writer *w, const struct form_field *f) {
    buf_add_str(w->out, S("{\"anyOf\":["));
    if (f->schema) {
        buf_add_str(w->out, str_from(f->schema));
        buf_add_char(w->out, ',');
    }
    write_form(w, f->sub);
    buf_add_str(w->out, S("]}"));
}

static void write_sub(struct writer *w, const struct form_field *f) {
    switch (f->shape) {
    case FORM_MAP_OF:
        buf_printf(w->out, ",\"type\":\"object\",\"minProperties\":%" PRId64, f->least);
        buf_add_str(w->out, S(",\"additionalProperties\":"));
        write_form(w, f->sub);
        return;
    case FORM_LIST_OF:
        buf_printf(w->out, ",\"type\":\"array\",\"minItems\":%" PRId64 ",\"items\":", f->least);
        write_form(w, f->sub);
        return;
    case FORM_ONE:
        buf_add_str(w->out, S(",\"allOf\":["));
        write_one(w, f);
        buf_add_char(w->out, ']');
        return;
    case FORM_ANY:
        buf_add_str(w->out, S(",\"anyOf\":["));
        write_one(w, f);
        buf_add_str(w->out, S(",{\"type\":\"array\",\"minItems\":1,\"items\":"));
        write_one(w, f);
        buf_add_str(w->out, S("}]"));
        return;
    }
}

static void write_field(struct writer *w, const struct form_field *f) {
    buf_add_str(w->out, S("{\"description\":"));
    json_write_string(w->out, str_from(f->help));
    if (f->sub) {
        write_sub(w, f);
    } else if (f->schema) {
        write_text(w->out, f->schema);
    } else {
        buf_add_char(w->out, ',');
        write_type(w->out, f);
    }
    buf_add_char(w->out, '}');
}

static void write_members(struct writer *w, const struct form *f) {
    bool first = true;
    struct buf *out = w->out;
    buf_add_str(out, S("\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"));
    for (const struct form_field *x = f->fields; x->key; x++) {
        buf_add_str(out, first ? S("") : S(","));
        json_write_string(out, str_from(x->key));
        buf_add_char(out, ':');
        write_field(w, x);
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
    if (f->schema)
        write_text(out, f->schema);
}

static void write_whole(struct writer *w, const struct form *f) {
    buf_add_str(w->out, S("{\"description\":"));
    json_write_string(w->out, str_from(f->help));
    buf_add_char(w->out, ',');
    write_members(w, f);
    buf_add_char(w->out, '}');
}

static void write_form(struct writer *w, const struct form *f) {
    if (!f->name) {
        write_whole(w, f);
        return;
    }
    size_t i = 0;
    while (i < w->n_defs && w->defs[i] != f)
        i++;
    assert(i < DEFS_MOST);
    if (i == w->n_defs)
        w->defs[w->n_defs++] = f;
    buf_printf(w->out, "{\"$ref\":\"#/$defs/%s\"}", f->name);
}

/* Writing one may name another. */
static void write_defs(struct writer *w) {
    for (size_t i = 0; i < w->n_defs; i++) {
        buf_add_str(w->out, i ? S(",") : S(",\"$defs\":{"));
        json_write_string(w->out, str_from(w->defs[i]->name));
        buf_add_char(w->out, ':');
        write_whole(w, w->defs[i]);
    }
    if (w->n_defs)
        buf_add_char(w->out, '}');
}

void form_schema(struct buf *out, const struct form *f, const char *title, enum form_shape shape) {
    struct writer w = {.out = out};
    buf_add_str(out, S("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":"));
    json_write_string(out, str_from(title));
    buf_add_char(out, ',');
    if (shape == FORM_MAP_OF) {
        buf_add_str(out, S("\"type\":\"object\",\"additionalProperties\":{\"oneOf\":[{\"type\":"
                           "\"string\",\"minLength\":1},"));
        write_form(&w, f);
        buf_add_str(out, S("]}"));
    } else if (shape == FORM_LIST_OF) {
        buf_add_str(out, S("\"type\":\"array\",\"items\":"));
        write_form(&w, f);
    } else {
        buf_add_str(out, S("\"description\":"));
        json_write_string(out, str_from(f->help));
        buf_add_char(out, ',');
        write_members(&w, f);
    }
    write_defs(&w);
    buf_add_char(out, '}');
}
