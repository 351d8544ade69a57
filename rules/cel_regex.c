/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns: the language of RE2, which CEL prescribes, run by PCRE2. What PCRE2
 * knows and RE2 does not is refused by reading the pattern first; what differs
 * in meaning is set by options (UTF, no UCP, `$` only at the very end, \n as the only
 * newline) or rewritten (\z, \C, POSIX-free \s, \pN). Limits of matching turn a
 * pattern that explodes into an error of that evaluation.
 */
#include "config.h"

#include "rules/cel_internal.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define PATTERN_MAX 10000u
#define MATCH_LIMIT 200000u
#define DEPTH_LIMIT 10000u
#define HEAP_LIMIT_KIB 4096u

struct cel_regex {
    pcre2_code *code;
    struct str pattern;
    bool jit;
};

/* ---- from RE2's language to PCRE2's */
struct translation {
    struct buf out;
    const char *why; /* what is not part of the language */
};

static bool refuse(struct translation *t, const char *why) {
    t->why = why;
    return false;
}

/* Behind `(?`: what RE2 knows there is :, P<name>, <name> and flags imsU-. */
static bool group(struct translation *t, struct str p, size_t *i) {
    size_t at = *i + 2;
    if (at < p.n && (p.p[at] == 'P' || p.p[at] == '<')) {
        size_t name = at + (p.p[at] == 'P');
        if (name + 1 >= p.n || p.p[name] != '<' || p.p[name + 1] == '=' || p.p[name + 1] == '!')
            return refuse(t, "looking around and references to groups are not part of it");
        buf_add_str(&t->out, S("(?P<"));
        *i = name + 1;
        return true;
    }
    size_t end = at;
    while (end < p.n && strchr("imsU-", p.p[end]) && p.p[end])
        end++;
    if (end >= p.n || (p.p[end] != ':' && p.p[end] != ')'))
        return refuse(t, "`(?` is followed by something that is not part of it");
    for (size_t k = *i; k <= end; k++) /* swapping greediness: PCRE2 has no U inside (?) */
        if (p.p[k] == 'U')
            return refuse(t, "the flag U is not supported; write *? where it is meant");
        else
            buf_add_char(&t->out, p.p[k]);
    *i = end + 1;
    return true;
}

static bool quoted_run(struct translation *t, struct str p, size_t *i) {
    ptrdiff_t end = str_find(str_sub(p, *i + 2, p.n), S("\\E"));
    size_t stop = end < 0 ? p.n : *i + 2 + (size_t)end;
    for (size_t k = *i + 2; k < stop; k++) {
        if ((unsigned char)p.p[k] < 0x80 && !strchr("abcdefghijklmnopqrstuvwxyz"
                                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
                                                    p.p[k]))
            buf_add_char(&t->out, '\\');
        buf_add_char(&t->out, p.p[k]);
    }
    *i = end < 0 ? p.n : stop + 2;
    return true;
}

/* \ and a letter; inside a class the letters mean the same. */
static bool escape(struct translation *t, struct str p, size_t *i, bool in_class) {
    if (*i + 1 >= p.n)
        return refuse(t, "it ends with a backslash");
    char c = p.p[*i + 1];
    if (c == 'Q')
        return quoted_run(t, p, i);
    if (c == 'z' && !in_class)
        buf_add_str(&t->out, S("\\z"));
    else if (c == 's')
        buf_add_str(&t->out, in_class ? S("\\t\\n\\f\\r ") : S("[\\t\\n\\f\\r ]"));
    else if (c == 'S' && !in_class)
        buf_add_str(&t->out, S("[^\\t\\n\\f\\r ]"));
    else if (c == 'v')
        buf_add_str(&t->out, S("\\x0b"));
    else if (strchr("dDwWtnfraxpP", c) || (strchr("AbB", c) && !in_class) ||
             (c >= '0' && c <= '7' && *i + 3 < p.n && p.p[*i + 2] >= '0' && p.p[*i + 2] <= '7' &&
              p.p[*i + 3] >= '0' && p.p[*i + 3] <= '7') ||
             c == '0')
        buf_add(&t->out, p.p + *i, 2);
    else if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
        return refuse(t, "it has an escape (\\ and a letter or digit) that is not part of it");
    else
        buf_add(&t->out, p.p + *i, 2);
    *i += 2;
    return true;
}

static bool class(struct translation *t, struct str p, size_t *i) {
    size_t at = *i + 1;
    buf_add_char(&t->out, '[');
    if (at < p.n && p.p[at] == '^')
        buf_add_char(&t->out, p.p[at++]);
    for (bool first = true; at < p.n; first = false) {
        char c = p.p[at];
        if (c == ']' && !first) {
            buf_add_char(&t->out, ']');
            *i = at + 1;
            return true;
        }
        if (c == '\\') {
            if (!escape(t, p, &at, true))
                return false;
            continue;
        }
        if (c == '[' && at + 1 < p.n && p.p[at + 1] == ':') {
            ptrdiff_t end = str_find(str_sub(p, at + 2, p.n), S(":]"));
            if (end >= 0) {
                buf_add(&t->out, p.p + at, (size_t)end + 4);
                at += (size_t)end + 4;
                continue;
            }
        }
        if (c == '[' || c == ']')
            buf_add_char(&t->out, '\\');
        buf_add_char(&t->out, c);
        at++;
    }
    return refuse(t, "a [ is not closed");
}

static bool repeats(char c) {
    return c == '*' || c == '+' || c == '?' || c == '}';
}

static bool translate(struct translation *t, struct str p) {
    bool repeated = false; /* a quantifier stands right before */
    for (size_t i = 0; i < p.n;) {
        char c = p.p[i];
        bool now = false;
        if (c == '\\') {
            if (!escape(t, p, &i, false))
                return false;
        } else if (c == '[') {
            if (!class(t, p, &i))
                return false;
        } else if (c == '(' && i + 1 < p.n && p.p[i + 1] == '*') {
            return refuse(t, "`(*` is not part of it");
        } else if (c == '(' && i + 1 < p.n && p.p[i + 1] == '?') {
            if (!group(t, p, &i))
                return false;
        } else {
            now = repeats(c);
            if (repeated && (c == '+' || c == '*'))
                return refuse(t, "two repetitions stand one behind the other");
            buf_add_char(&t->out, c);
            i++;
        }
        repeated = now;
    }
    return true;
}

/* ---- compiling */
static void *allocate(size_t n, void *arena) {
    return arena_alloc(arena, n);
}

static void release(void *p, void *arena) {
    (void)p;
    (void)arena;
}

static void end_code(void *code) {
    pcre2_code_free(code);
}

const struct cel_regex *cel_regex_new(struct arena *a, struct str pattern, bool constant,
                                      struct err *e) {
    struct translation t = {.out = BUF_IN(a)};
    if (pattern.n > PATTERN_MAX) {
        err_set(e, ERR_INPUT, "the pattern is longer than %u characters", PATTERN_MAX);
        return NULL;
    }
    if (!translate(&t, pattern)) {
        err_set(e, ERR_INPUT, "`%.*s` is not a pattern in RE2's language: %s",
                (int)(pattern.n < 100 ? pattern.n : 100), pattern.p, t.why);
        return NULL;
    }
    pcre2_general_context *memory = pcre2_general_context_create(allocate, release, a);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int code;
    PCRE2_SIZE offset;
    struct cel_regex *r = ARENA_NEW(a, struct cel_regex);
    r->pattern = pattern;
    r->code = pcre2_compile((PCRE2_SPTR)(t.out.n ? t.out.p : ""), t.out.n,
                            PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE |
                                PCRE2_NEVER_BACKSLASH_C,
                            &code, &offset, context);
    if (!r->code) {
        PCRE2_UCHAR text[128] = "";
        pcre2_get_error_message(code, text, sizeof text);
        err_set(e, ERR_INPUT, "`%.*s` is not a pattern: %s",
                (int)(pattern.n < 100 ? pattern.n : 100), pattern.p, (const char *)text);
        return NULL;
    }
    if (constant) {
        r->jit = pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0;
        arena_at_end(a, end_code, r->code);
    }
    return r;
}

int cel_regex_search(const struct cel_regex *r, struct arena *a, struct str text, struct err *e) {
    pcre2_general_context *memory = pcre2_general_context_create(allocate, release, a);
    pcre2_match_context *context = pcre2_match_context_create(memory);
    pcre2_set_match_limit(context, MATCH_LIMIT);
    pcre2_set_depth_limit(context, DEPTH_LIMIT);
    pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
    pcre2_match_data *data = pcre2_match_data_create(1, memory);
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.n ? text.p : "");
    int found = pcre2_match(r->code, subject, text.n, 0, PCRE2_NO_UTF_CHECK, data, context);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(r->code, subject, text.n, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data,
                            context);
    if (found >= 0)
        return 1;
    if (found == PCRE2_ERROR_NOMATCH)
        return 0;
    err_set(e, ERR_INPUT, "the pattern `%.*s` takes too much work on this text; make it simpler",
            (int)(r->pattern.n < 100 ? r->pattern.n : 100), r->pattern.p);
    return -1;
}
