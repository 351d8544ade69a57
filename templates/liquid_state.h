/* SPDX-License-Identifier: Apache-2.0
 *
 * liquid_state: one render under way: what is visible, what was counted, where
 * the output goes. Shared by the files templates/liquid_*.c only; lives on the
 * stack of liquid_render() and in the arena of the message.
 */
#ifndef GODWIT_TEMPLATES_LIQUID_STATE_H
#define GODWIT_TEMPLATES_LIQUID_STATE_H

#include "templates/liquid_program.h"
#include "templates/liquid_render.h"

#define LIQUID_SYMBOL_FORLOOP 0 /* numbered first in every set */
#define LIQUID_SYMBOL_TABLEROWLOOP 1
#define LIQUID_SYMBOL_SELF 2
#define LIQUID_RANGE_MAX 1000000
#define LIQUID_DEPTH_MAX 200 /* of lists and maps inside each other; data has 128 at most */

/* What a variable is in a frame. The innermost set one counts. */
struct slot {
    struct value inner; /* set by a loop or an include that is running */
    struct value assigned;
    struct value data; /* found in the data, or a counter */
    bool has_inner, has_assigned, has_data;
};

/* The variables of a template and what it includes; a rendered partial has its own. */
struct frame {
    const struct liquid_set *set;
    const struct map *data;     /* NULL: hidden */
    struct slot *slots;         /* by symbol */
    struct map *extra;          /* counters whose name is no symbol; NULL: none yet */
    int64_t *resume;            /* by number of a loop's name: where it stopped */
    struct map *cycles;         /* NULL: none yet */
    const struct forloop *loop; /* the innermost for */
    struct value changed;       /* what ifchanged saw last; null: nothing */
    bool isolated;              /* inside {% render %}: no include */
};

/* break and continue that no loop has answered yet, the last one lowest: a template that
 * includes another for each of a list can leave several. */
struct interrupts {
    uint32_t n;
    uint64_t breaks; /* bit set: break */
};

struct render {
    const struct liquid_set *set;
    const struct liquid_params *params;
    const struct liquid_template *template; /* whose source `at` counts in */
    struct arena *arena;
    struct buf *out;
    size_t out_from; /* bytes that were in the buffer before this render */
    struct frame *frame;
    struct err *err;
    struct liquid_place *place;
    uint64_t steps;
    uint64_t iterations;
    uint32_t depth; /* of blocks and partials under way */
    uint32_t partials;
    uint32_t links; /* written so far */
    struct interrupts interrupts;
    uint32_t at; /* of the node being rendered */
    size_t arena_base;
    struct liquid_limits most; /* the limits, defaults filled in */
};

/* Sets the error at the node being rendered and returns false. */
bool liquid_fail(struct render *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Counts n units of work; false when the render did too much, or used too much memory. */
bool liquid_work(struct render *r, uint64_t n);

static inline void liquid_interrupt(struct render *r, bool is_break) {
    r->interrupts.n += r->interrupts.n < 64;
    r->interrupts.breaks = r->interrupts.breaks << 1 | is_break;
}
/* Answers the last one: whether it was a break. */
static inline bool liquid_answer(struct render *r) {
    bool is_break = r->interrupts.n && (r->interrupts.breaks & 1);
    r->interrupts.n -= r->interrupts.n > 0;
    r->interrupts.breaks >>= 1;
    return is_break;
}

/* The value of a variable of the frame. */
struct value liquid_variable(struct render *r, struct frame *f, uint32_t symbol);
struct value liquid_variable_named(struct render *r, struct frame *f, struct value name);

bool liquid_eval(struct render *r, const struct expr *e, struct value *out) MUST_CHECK;
bool liquid_eval_piped(struct render *r, const struct piped *p, struct value *out) MUST_CHECK;
bool liquid_eval_when(struct render *r, const struct comparison *c, bool *out) MUST_CHECK;

/* The elements that a filter works on: a list flattened, a map as one element, a
 * range counted out, anything else as one, nothing as none. */
bool liquid_elements(struct render *r, struct value v, const struct list **out) MUST_CHECK;

/* The frame of a template that starts afresh; hidden data when `data` is NULL. */
struct frame *liquid_frame(struct render *r, const struct map *data);
bool liquid_render_block(struct render *r, const struct block *b) MUST_CHECK;
/* Writes a value as an output does: lists element by element, `escape`d for HTML. */
void liquid_output(struct render *r, struct value v, bool escape);
void liquid_escape(struct buf *out, struct str s);

#endif
