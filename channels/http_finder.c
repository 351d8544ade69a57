/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/http_finder.h"

#include "base/arena.h"
#include "base/json.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#define STEPS_MOST 1000000
#define HEAP_MOST_KIB 1024

struct http_finder {
    struct str pointer; /* or: */
    pcre2_code *code;
    pcre2_match_data *found;
    pcre2_match_context *limits;
    char text[];
};

static bool compile(struct http_finder *f, struct str text, struct err *e) {
    int error;
    PCRE2_SIZE at;
    f->code = pcre2_compile((PCRE2_SPTR)text.p, text.n, PCRE2_NEVER_BACKSLASH_C, &error, &at, NULL);
    if (!f->code) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(error, why, sizeof why);
        return err_set(e, ERR_INPUT, "`%.*s` is no pattern: %s at character %zu", STR_FMT(text),
                       (char *)why, (size_t)at + 1);
    }
    f->found = pcre2_match_data_create_from_pattern(f->code, NULL);
    f->limits = pcre2_match_context_create(NULL);
    if (!f->found || !f->limits)
        abort();
    pcre2_set_match_limit(f->limits, STEPS_MOST);
    pcre2_set_heap_limit(f->limits, HEAP_MOST_KIB);
    return true;
}

struct http_finder *http_finder_new(struct str text, struct err *e) {
    struct http_finder *f = calloc(1, sizeof *f + text.n + 1);
    if (!f)
        abort();
    memcpy(f->text, text.p, text.n);
    if (str_starts(text, S("/"))) {
        f->pointer = str_of(f->text, text.n);
    } else if (!compile(f, text, e)) {
        http_finder_free(f);
        return NULL;
    }
    return f;
}

void http_finder_free(struct http_finder *f) {
    if (!f)
        return;
    pcre2_match_data_free(f->found);
    pcre2_match_context_free(f->limits);
    pcre2_code_free(f->code);
    free(f);
}

/* ~1 is a slash, ~0 a tilde. */
static struct str unescape(struct arena *a, struct str token) {
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < token.n; i++) {
        bool escape = token.p[i] == '~' && i + 1 < token.n &&
                      (token.p[i + 1] == '0' || token.p[i + 1] == '1');
        buf_add_char(&b, !escape ? token.p[i] : token.p[++i] == '1' ? '/' : '~');
    }
    return buf_str(&b);
}

static const struct value *step(struct arena *a, const struct value *v, struct str token) {
    int64_t i;
    if (value_is(*v, V_MAP))
        return map_get_str(v->u.map, unescape(a, token));
    if (value_is(*v, V_LIST) && str_to_int64(token, &i) && i >= 0 && (size_t)i < v->u.list->n)
        return &v->u.list->v[i];
    return NULL;
}

static bool find_pointer(struct str pointer, struct arena *a, struct str body, struct str *out) {
    struct err ignored = ERR_INIT;
    struct value whole;
    struct str rest = str_sub(pointer, 1, pointer.n), token;
    if (!json_parse(a, body, &whole, &ignored))
        return false;
    const struct value *v = &whole;
    while (v && str_split(&rest, '/', &token))
        v = step(a, v, token);
    if (!v || value_is(*v, V_NULL))
        return false;
    struct buf b = BUF_IN(a);
    if (value_is(*v, V_STRING))
        buf_add_str(&b, value_text(*v));
    else
        json_write(&b, *v);
    *out = buf_str(&b);
    return true;
}

bool http_finder_find(const struct http_finder *f, struct arena *a, struct str body,
                      struct str *out) {
    if (f->pointer.n)
        return find_pointer(f->pointer, a, body, out);
    const char *text = body.n ? body.p : "";
    int n = pcre2_match(f->code, (PCRE2_SPTR)text, body.n, 0, 0, f->found, f->limits);
    if (n <= 0)
        return false;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(f->found);
    size_t group = n > 1 && at[2] != PCRE2_UNSET ? 2 : 0;
    *out = str_of(text + at[group], at[group + 1] - at[group]);
    return true;
}
