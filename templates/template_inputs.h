/* SPDX-License-Identifier: Apache-2.0
 *
 * template_inputs: what a template reads: the paths of the data it needs, and the
 * templates it brings in. Found in the program, without rendering.
 *
 * A path is as long as it is fixed: customer.first_name; of items[i].name it is
 * items, of a list that a loop goes over the list. A variable whose name is
 * computed makes the answer "everything", written "*". Pure; any thread.
 */
#ifndef GODWIT_TEMPLATES_TEMPLATE_INPUTS_H
#define GODWIT_TEMPLATES_TEMPLATE_INPUTS_H

#include "templates/liquid_program.h"

struct template_needs {
    struct arena *arena;
    struct list *paths;    /* V_STRING, each once; none is the start of another */
    struct list *partials; /* V_STRING: names of templates, each once */
    bool any_partial;      /* one whose name is computed: it may be any of the set */
    bool translates;       /* uses the filter `t` */
};

/* Called for an include or render with a fixed name that is not in the set. */
typedef void (*missing_partial_fn)(void *context, const struct liquid_template *in, uint32_t at,
                                   struct str name);

void template_needs_init(struct template_needs *n, struct arena *a);
/* Adds a path, unless it or one that it begins with is there. */
void template_needs_path(struct template_needs *n, struct str path);
/* Adds what `t` and the templates it brings in need. */
void template_needs_add(struct template_needs *n, const struct liquid_set *set,
                        const struct liquid_template *t, missing_partial_fn missing, void *context);

#endif
