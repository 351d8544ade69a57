/* SPDX-License-Identifier: Apache-2.0
 *
 * cel: conditions and expressions in CEL (the Common Expression Language of
 * cel.dev, without protobuf messages), compiled once and evaluated often.
 *
 *     struct cel_issues issues;
 *     cel_issues_init(&issues, arena);
 *     const struct cel_program *p = cel_compile_condition(arena, env, source, &issues);
 *     if (!p) ... every issue has an offset into `source` ...
 *     if (cel_eval(p, &activation, batch_arena, &v, &err) && v.u.b) ...
 *
 * Pure: no I/O, no clock, no state kept between evaluations. A program is
 * immutable and lives in the arena it was compiled in; any number of threads may
 * evaluate it at once, each with its own activation and arena. What is evaluated
 * points into the program, the activation's values and the given arena.
 *
 * With an environment, unknown names, wrong types, bad windows and bad patterns
 * are issues at compile time. Without one (NULL) everything is dynamic and
 * names are resolved when evaluated.
 */
#ifndef GODWIT_RULES_CEL_H
#define GODWIT_RULES_CEL_H

#include "base/err.h"
#include "base/value.h"
#include "rules/behaviour.h"

struct arena;
struct zone;
struct cel_program;

/* ---- values that exist in CEL only */
enum {
    CEL_V_TYPE = V_OWN, /* a type as a value: int, list, google.protobuf.Timestamp */
    CEL_V_OPTIONAL,     /* optional: cel_optional_value() */
    CEL_V_ERROR,        /* never leaves the evaluator */
    CEL_V_UNBOUND       /* a slot of an activation without a value */
};
#define CEL_UNBOUND ((struct value){.type = CEL_V_UNBOUND})

struct str cel_type_value_name(struct value type_value);       /* "int", "null_type", ... */
const struct value *cel_optional_value(struct value optional); /* NULL: optional.none() */

/* The literal of a value in CEL ("TW", 1u, [1, 2], timestamp("...")), for messages;
 * at most `most` bytes, then "...". */
void cel_write_value(struct buf *out, struct value v, size_t most);

/* ---- types */
enum cel_kind {
    CEL_DYN, /* known when evaluated */
    CEL_NULL,
    CEL_BOOL,
    CEL_INT,
    CEL_UINT,
    CEL_DOUBLE,
    CEL_STRING,
    CEL_BYTES,
    CEL_TIMESTAMP,
    CEL_DURATION,
    CEL_LIST,
    CEL_MAP,
    CEL_TYPE,
    CEL_OPTIONAL
};

struct cel_field;

/* A declared value is converted to its declared type when it is read (data is
 * JSON: 5 for a double, "2026-11-21T08:00:00Z" for a timestamp); one that cannot
 * be is an error of that evaluation. */
struct cel_type {
    enum cel_kind kind;
    const struct cel_type *element; /* of a list or optional; values of a map; NULL: dynamic */
    const struct cel_field *fields; /* map with declared members */
    size_t n_fields;
    bool closed; /* map: a name that is not among the fields is an issue */
};

struct cel_field {
    struct str name;
    const struct cel_type *type; /* NULL: dynamic */
};

const char *cel_kind_name(enum cel_kind kind); /* "int", "dyn", ... */
bool cel_kind_parse(struct str name, enum cel_kind *out);
/* The type of that kind without element or fields; static. */
const struct cel_type *cel_type_of(enum cel_kind kind);

/* ---- environment: what the text may use. Borrowed for as long as programs live. */
struct cel_env {
    const struct cel_field *variables; /* the slot of a variable is its index here */
    size_t n_variables;
    bool functions; /* Godwit's functions (count, in_segment, ...) and `now` are offered */

    /* With `functions`: what the names in string constants are checked against.
     * An event's type is a map whose fields are its properties. */
    const struct cel_field *events;
    size_t n_events;
    bool events_closed; /* an event name that is not listed is an issue */
    const struct str *segments;
    size_t n_segments;
    bool segments_closed;
};

/* ---- issues */
struct cel_issue {
    size_t offset, length; /* bytes in the source; length may be 0 */
    bool warning;          /* suspicious but not wrong: a program is made all the same */
    struct str text;       /* one sentence: what is wrong and what was expected */
    struct str hint;       /* "did you mean `country`?", or empty */
};

struct cel_issues {
    struct arena *arena;
    struct cel_issue *list; /* in order of their place */
    size_t n, cap;
    size_t errors;
};

void cel_issues_init(struct cel_issues *issues, struct arena *a);

/* ---- compile. NULL: there was at least one issue that is not a warning. */
const struct cel_program *cel_compile(struct arena *a, const struct cel_env *env, struct str source,
                                      struct cel_issues *issues);
/* The same, and the result must be a bool (or be known only when evaluated). */
const struct cel_program *cel_compile_condition(struct arena *a, const struct cel_env *env,
                                                struct str source, struct cel_issues *issues);

struct str cel_program_source(const struct cel_program *p);
const struct cel_type *cel_program_type(const struct cel_program *p);
/* True when the value is the same for every activation; *out is that value. */
bool cel_program_constant(const struct cel_program *p, struct value *out);

/* ---- evaluate */
struct cel_behaviour_use;

/* One evaluation's surroundings. Zeroed fields mean: not there. */
struct cel_activation {
    const struct value *slots; /* by index of the environment's variables; CEL_UNBOUND: none */
    size_t n_slots;
    const struct map *bindings; /* by name, for programs compiled without an environment */

    int64_t now_us;               /* the clock of this decision */
    const struct zone *zone;      /* the customer's; NULL: UTC */
    struct behaviour_position at; /* from where behaviour functions look back */

    void *ctx; /* handed to the callbacks */
    /* The log that answers `use`; NULL: the customer never did that. */
    const struct behaviour_log *(*behaviour)(void *ctx, const struct cel_behaviour_use *use);
    bool (*in_segment)(void *ctx, struct str segment, bool *out, struct err *e);
    bool (*responded)(void *ctx, struct str kind, bool *out, struct err *e);

    uint32_t steps; /* limit of work; 0: CEL_STEPS */
};
#define CEL_STEPS 1000000u

/* False: the value is an error, *e says which. */
bool cel_eval(const struct cel_program *p, const struct cel_activation *act, struct arena *a,
              struct value *out, struct err *e) MUST_CHECK;
/* The same; *missing: the error is that something is not there (a field, a key, an element, a
 * past event), so that a condition does not hold rather than fails. */
bool cel_eval_missing(const struct cel_program *p, const struct cel_activation *act,
                      struct arena *a, struct value *out, bool *missing, struct err *e) MUST_CHECK;

/* ---- what a program needs */
struct cel_behaviour_use {
    size_t index;            /* in the program's list */
    struct str function;     /* "count", "sum", ..., "since" */
    struct str event;        /* name of the events looked at */
    struct str property;     /* path summed up; empty for count, first, last, since */
    int64_t window_us;       /* BEHAVIOUR_ALL: all */
    struct str filter;       /* source of the filter; empty: none */
    bool filter_alone;       /* the filter reads nothing but `it`: may be applied beforehand */
    const struct str *paths; /* properties the engine must track for this use */
    size_t n_paths;
    bool whole; /* first(), last(): every property is wanted, not only `paths` */
};

struct cel_uses {
    const struct cel_behaviour_use *const *behaviour;
    size_t n_behaviour;
    const struct str *paths; /* "customer.country", "event.total"; a variable used as a whole
                                stands alone: "customer" */
    size_t n_paths;
    const struct str *segments;
    size_t n_segments;
    const struct str *responses; /* kinds in responded() */
    size_t n_responses;
    bool now; /* the value may change with the clock alone */
};

const struct cel_uses *cel_program_uses(const struct cel_program *p);

/* The first instant after act->now_us at which the value can change although nothing
 * happens (an event leaves a window, `now` passes a date); INT64_MAX: never. It may be
 * too early, never too late: evaluate then, and ask again. `act->at` must be
 * (now_us, INT64_MAX). */
int64_t cel_next_change(const struct cel_program *p, const struct cel_activation *act,
                        struct arena *a);

/* ---- what must hold: conditions `path == constant` or `path in [constants]`
 * without which the program cannot be true. For indexes. */
struct cel_requirement {
    struct str path; /* "event.name" */
    const struct value *values;
    size_t n;
};
/* The list lives in `a`. */
const struct cel_requirement *cel_program_requires(const struct cel_program *p, struct arena *a,
                                                   size_t *n);

/* Whether the comparisons with constants show that no event and customer make both true. */
bool cel_program_exclusive(const struct cel_program *x, const struct cel_program *y);

/* ---- reference: "string.contains(string) -> bool", sorted; n of them, in `a` */
struct str *cel_functions_list(struct arena *a, size_t *n);
/* The kinds that responded() takes, *n of them; static. */
const struct str *cel_response_kinds(size_t *n);
/* How a function of behaviour is written, the i-th; NULL behind the last. */
const char *cel_behaviour_form(size_t i);

/* ---- explain: every subexpression with its value. Conditions joined by && || !
 * ?: are taken apart down to comparisons and their operands; constants are left out. */
struct cel_explained {
    size_t offset, length; /* in the source */
    struct str source;     /* that part of it */
    bool failed;           /* the value is an error */
    bool missing;          /* namely that something is not there */
    struct value value;
    struct str error;
    const struct cel_explained *parts;
    size_t n_parts;
};

const struct cel_explained *cel_explain(const struct cel_program *p,
                                        const struct cel_activation *act, struct arena *a);

#endif
