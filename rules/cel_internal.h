/* SPDX-License-Identifier: Apache-2.0
 *
 * cel_internal: what the files of the CEL family share; nobody else includes it.
 *
 * A text goes through four hands, all of them working on one tree of nodes:
 *   cel_lex      bytes -> tokens
 *   cel_parse    tokens -> nodes; macros become loops; limits of nesting
 *   cel_check    names -> slots and locals, calls -> overloads, types; issues
 *   cel_compile  constants folded, patterns compiled, each node given its eval
 * The finished tree is what cel_eval runs: node->eval(node, run) yields a value,
 * and an error is a value too (CEL_V_ERROR), so that && || and the loops can
 * absorb it.
 */
#ifndef GODWIT_RULES_CEL_INTERNAL_H
#define GODWIT_RULES_CEL_INTERNAL_H

#include "base/arena.h"
#include "rules/cel.h"

#define CEL_SOURCE_MAX (256u * 1024u)
#define CEL_NESTING_MAX 250 /* brackets, and operators of growing precedence, within each other */
#define CEL_DEPTH_MAX \
    500 /* levels of the tree; bounds the recursion of everything behind the parser */
#define CEL_ARGS_MAX 10000

/* ---- text (cel_text.c) */
/* Decodes the character at p (p < end); its length in bytes, 0 if it is not UTF-8. */
size_t cel_utf8_decode(const char *p, const char *end, uint32_t *c);
size_t cel_utf8_encode(uint32_t c, char out[4]);
bool cel_utf8_valid(struct str s);
size_t cel_utf8_length(struct str s);               /* in characters */
size_t cel_utf8_offset(struct str s, size_t chars); /* bytes before that many; s.n + 1: too short */

/* ---- tokens (cel_lex.c) */
enum cel_token_type {
    CEL_T_END,
    CEL_T_BAD, /* the lexer has set the issue */
    CEL_T_IDENT,
    CEL_T_QUOTED,  /* `field` */
    CEL_T_LITERAL, /* int, uint, double, string, bytes */
    CEL_T_OP       /* one or two characters, in `op` */
};

struct cel_token {
    enum cel_token_type type;
    size_t offset, length;
    int op; /* CEL_T_OP: 'x' or CEL_OP2('x', 'y') */
    struct value value;
    bool huge; /* int 9223372036854775808, which only a minus in front makes good */
};
#define CEL_OP2(a, b) ((a) << 8 | (b))

struct cel_lexer {
    struct arena *arena;
    struct str source;
    size_t at;
    struct cel_issues *issues;
};

struct cel_token cel_lex(struct cel_lexer *l);

/* ---- nodes */
enum cel_op {
    CEL_CONST,
    CEL_IDENT, /* after cel_check: none are left */
    CEL_LOCAL, /* variable of a loop or bind: locals[slot] */
    CEL_SLOT,  /* variable of the environment: slots[slot] */
    CEL_NAME,  /* looked up when evaluated: candidates in `names`, longest first */
    CEL_NOW,
    CEL_IT,     /* property `name` of the past event a filter looks at */
    CEL_SELECT, /* args[0].name, or .?name */
    CEL_HAS,    /* has(args[0].name) */
    CEL_INDEX,  /* args[0][args[1]], or [?] */
    CEL_MAKE_LIST,
    CEL_MAKE_MAP, /* key, value, key, value */
    CEL_NOT,
    CEL_NEGATE,
    CEL_AND,
    CEL_OR,
    CEL_COND,
    CEL_EQ,
    CEL_NE,
    CEL_LT,
    CEL_LE,
    CEL_GT,
    CEL_GE,
    CEL_IN,
    CEL_ADD,
    CEL_SUB,
    CEL_MUL,
    CEL_DIV,
    CEL_MOD,
    CEL_CALL,   /* a function of the table; a receiver is args[0] */
    CEL_LOOP,   /* args: range, condition or NULL, transform or NULL */
    CEL_BIND,   /* args: value, body */
    CEL_OPTMAP, /* args: optional, body */
    CEL_OPTFLATMAP,
    CEL_BEHAVIOUR, /* count(...) and the like; args: filter or nothing */
    CEL_SEGMENT,   /* in_segment(name) */
    CEL_RESPONDED  /* responded(name) */
};

enum cel_loop {
    CEL_ALL,
    CEL_EXISTS,
    CEL_EXISTS_ONE,
    CEL_FILTER,
    CEL_TRANSFORM_LIST, /* map() as well */
    CEL_TRANSFORM_MAP,
    CEL_TRANSFORM_ENTRY
};

struct cel_run;
struct cel_node;
struct cel_regex;
typedef struct value (*cel_eval_fn)(const struct cel_node *n, struct cel_run *run);

struct cel_function {
    const char *name;
    const char *args; /* a letter per argument (cel_check.c), a leading '.': member call */
    const char *result;
    struct value (*call)(struct cel_run *run, const struct cel_node *n, const struct value *args);
};

struct cel_node {
    cel_eval_fn eval;
    struct cel_node **args;
    uint32_t n_args;
    uint8_t op;                    /* enum cel_op */
    uint8_t loop;                  /* enum cel_loop */
    bool optional;                 /* .? or [?] */
    bool root;                     /* identifier with a leading dot */
    uint32_t slot;                 /* of CEL_SLOT, CEL_LOCAL, the first variable of a loop */
    uint32_t slot2;                /* second variable of a loop */
    struct value constant;         /* CEL_CONST; CEL_SELECT, CEL_HAS: the key */
    uint64_t hash;                 /* of the key */
    const struct cel_type *coerce; /* declared type of what is read here, or NULL */

    struct str name;  /* identifier, field, function, first variable of a loop */
    struct str name2; /* second variable of a loop; empty: one variable */
    bool member;      /* CEL_CALL: args[0] is a receiver */
    bool fixed;       /* does not depend on the activation */
    bool has_local;   /* reads a variable of a loop or bind somewhere inside */
    uint16_t depth;
    const uint8_t *optionals; /* CEL_MAKE_*: per element (per entry) whether it is [?e] */
    const struct cel_function *const *overloads; /* CEL_CALL: same name and number of arguments */
    size_t n_overloads;
    const struct map *set;         /* CEL_IN: the texts of a longer constant list */
    const struct cel_regex *regex; /* CEL_CALL of matches with a constant pattern */
    const struct cel_behaviour_use *use;
    const struct str *names; /* CEL_NAME */
    size_t n_names;
    size_t offset, length;
    const struct cel_type *type; /* never NULL after cel_check */
};

/* NULL: there is an issue. */
struct cel_node *cel_parse(struct arena *a, struct str source, struct cel_issues *issues);
struct cel_node *cel_node_new(struct arena *a, enum cel_op op, size_t offset, size_t length);

/* ---- macros (cel_macro.c). The call's node, or what it becomes, or NULL with an issue. */
struct cel_node *cel_macro(struct arena *a, struct cel_node *call, struct cel_issues *issues);

/* ---- issues (cel_issue.c) */
struct cel_issue *cel_issue_add(struct cel_issues *issues, size_t offset, size_t length,
                                const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* What is suspicious but not wrong. */
struct cel_issue *cel_warning_add(struct cel_issues *issues, size_t offset, size_t length,
                                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void cel_issue_nearest(struct cel_issues *issues, struct cel_issue *i, struct str wrong,
                       const struct str *names, size_t n);

/* ---- program */
struct cel_program {
    struct str source;
    const struct cel_env *env;
    const struct cel_node *root;
    size_t n_locals;
    struct cel_uses uses;
};

/* Resolves and types the tree; false: there are issues. */
bool cel_check(struct arena *a, const struct cel_env *env, struct cel_node *root,
               struct cel_program *p, struct cel_issues *issues);
/* The type a function's result letter stands for. */
const struct cel_type *cel_type_letter(char letter);
/* Gives every node its eval, folds constants, compiles constant patterns. */
void cel_lower(struct arena *a, struct cel_program *p, struct cel_node *root,
               struct cel_issues *issues);
/* Warns of what nobody means to write in &&, || or ?: whose operands are lowered (cel_review.c). */
void cel_review(struct str source, const struct cel_node *n, struct cel_issues *issues);
/* Adds to p->uses the paths that are read (cel_uses.c). */
void cel_uses_collect(struct arena *a, struct cel_program *p);
/* "customer.country" for plain selections from a variable of the environment;
 * STR_NONE otherwise. */
struct str cel_path_of(struct arena *a, const struct cel_node *n);
/* How an operator is written: "==". */
const char *cel_op_name(enum cel_op op);
/* The comparison that holds with the operands exchanged: < becomes >. */
enum cel_op cel_op_mirrored(enum cel_op op);

/* The time of a past event: `occurred_at` as in `event`, or `at` for short. */
static inline bool cel_is_occurred_at(struct str name) {
    return str_eq(name, S("occurred_at")) || str_eq(name, S("at"));
}

/* ---- running */
struct cel_run {
    const struct cel_activation *act;
    struct arena *arena;
    struct value *locals;
    int64_t steps; /* left */
    bool exhausted;
    const struct behaviour_log *it_log; /* the past event `it`: */
    const struct behaviour_entry *it;
};

static inline struct value cel_eval_node(const struct cel_node *n, struct cel_run *run) {
    return n->eval(n, run);
}

static inline bool cel_is_error(struct value v) {
    return v.type == CEL_V_ERROR;
}

/* Takes n steps of work; false when none are left, and then the evaluation as a
 * whole is an error, whatever absorbs errors on the way. */
static inline bool cel_step(struct cel_run *run, size_t n) {
    run->steps -= (int64_t)(n < INT32_MAX ? n : INT32_MAX);
    if (run->steps >= 0)
        return true;
    run->exhausted = true;
    return false;
}

/* Errors as values. Those without a text of their own are put into words only when
 * somebody asks. */
enum cel_error_code {
    CEL_E_TEXT,
    CEL_E_ABSENT, /* with a text of its own: an element or a past event is not there */
    CEL_E_KEY,    /* a field is not there */
    CEL_E_OVERLOAD,
    CEL_E_UNBOUND,
    CEL_E_STEPS
};
static inline struct value cel_error(enum cel_error_code code, const struct cel_node *n) {
    return (struct value){.type = CEL_V_ERROR, .flags = (uint8_t)code, .u.ext = n};
}
struct value cel_fail(struct cel_run *run, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for what is not there. */
struct value cel_absent(struct cel_run *run, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct str cel_error_text(struct arena *a, struct value error);
bool cel_error_is_absence(struct value error);

/* ---- values (cel_value.c) */
/* Takes what it costs from *steps (a value may hold one list many times over); the
 * answer counts only if that is not below 0 afterwards. */
bool cel_equal(struct value a, struct value b, int64_t *steps);
/* -1, 0, 1; 2: not ordered (NaN); 3: these types have no order. */
int cel_compare(struct value a, struct value b);
/* Keys are compared as CEL compares numbers; NULL: not there. */
const struct value *cel_map_find(const struct map *m, struct value key);
bool cel_is_map_key(struct value v);
enum cel_kind cel_kind_of(struct value v);
struct value cel_type_value(enum cel_kind k);
bool cel_type_by_name(struct str name, struct value *out);
struct value cel_optional(struct arena *a, struct value v);
struct value cel_optional_none(void);
bool cel_is_zero_value(struct value v);
/* Reads data as the declared type; false: it is not of that type. */
bool cel_coerce(struct arena *a, const struct cel_type *t, struct value *v);

/* ---- conversions (cel_functions_convert.c, cel_functions_time.c) */
void cel_format_double(struct buf *out, double d, bool exponent);
/* A timestamp in RFC 3339, a duration as "1.5s". */
void cel_format_time(struct buf *out, struct value v);
bool cel_parse_double(struct str s, double *out);
bool cel_parse_timestamp(struct str s, struct value *out);
bool cel_parse_duration(struct str s, int64_t *nanos);
bool cel_double_to_int(double d, int64_t *out);
struct value cel_timestamp_add(struct cel_run *run, struct value t, int64_t nanos);

/* ---- how nodes are evaluated */
cel_eval_fn cel_eval_of(const struct cel_node *n);     /* cel_eval.c: reading and control */
cel_eval_fn cel_operator_of(const struct cel_node *n); /* cel_operators.c */
struct value cel_loop_eval(const struct cel_node *n, struct cel_run *run); /* cel_loop.c */
struct value cel_behaviour_eval(const struct cel_node *n,
                                struct cel_run *run); /* cel_behaviour.c */
struct value cel_it_eval(const struct cel_node *n, struct cel_run *run);
/* The field n->name (n->hash) or the element `key` of a value, as n wants it. */
struct value cel_select(const struct cel_node *n, struct cel_run *run, struct value of);
struct value cel_element(const struct cel_node *n, struct cel_run *run, struct value of,
                         struct value key);
/* `v` read as what n declares. */
struct value cel_declared(const struct cel_node *n, struct cel_run *run, struct value v);
/* A fresh run over an activation. */
struct cel_run cel_run_begin(const struct cel_program *p, const struct cel_activation *act,
                             struct arena *a);

/* ---- functions: the tables of the themes, each ended by a NULL name */
extern const struct cel_function cel_functions_convert[];
extern const struct cel_function cel_functions_strings[];
extern const struct cel_function cel_functions_math[];
extern const struct cel_function cel_functions_time[];
extern const struct cel_function cel_functions_collections[];
extern const struct cel_function cel_functions_optionals[];
extern const struct cel_function cel_functions_encoders[];
extern const struct cel_function cel_functions_godwit[];

struct value cel_string_format(struct cel_run *run, const struct cel_node *n,
                               const struct value *args);

/* ---- patterns (cel_regex.c): RE2's language, run by PCRE2 */
/* NULL: *e says what is wrong. Lives in the arena; compiled to machine code when
 * `constant`. */
const struct cel_regex *cel_regex_new(struct arena *a, struct str pattern, bool constant,
                                      struct err *e);
/* 1 found, 0 not, -1: *e says why (limits). */
int cel_regex_search(const struct cel_regex *r, struct arena *a, struct str text, struct err *e);

#endif
