/* SPDX-License-Identifier: Apache-2.0
 *
 * condition: CEL written in a YAML file: what it may name, compiled, with each
 * mistake at its place in the file; and whether the catalog knows the names.
 *
 * A name that is near to a declared one is a mistake; one that is near to none is
 * a warning, since what is not declared is dynamically typed. Pure.
 */
#ifndef GODWIT_RULES_CONDITION_H
#define GODWIT_RULES_CONDITION_H

#include "rules/catalog.h"
#include "rules/cel.h"
#include "rules/form.h"

/* Slots of an activation. */
enum condition_slot { CONDITION_CUSTOMER, CONDITION_RFM, CONDITION_EVENT, CONDITION_SLOTS };

/* Members of `customer` and `event` beside attributes and properties. */
#define CONDITION_CUSTOMER_FIELDS "key", "email", "phone", "locale", "timezone"
#define CONDITION_EVENT_FIELDS "name", "id", "occurred_at"

/* The variables by slot, without types: for the trigger index. */
extern const struct cel_env condition_slots;

struct condition_scope {
    const struct catalog *catalog;
    struct str event; /* the event that `event` is; empty: there is no `event` */
    struct cel_env env;
};

/* Lives in `a`, as programs borrow its environment. `event` empty: conditions over the customer
 * alone. */
const struct condition_scope *condition_scope_new(struct arena *a, const struct catalog *catalog,
                                                  const struct str *segments, size_t n_segments,
                                                  struct str event);

/* Compiles the text of a node. With `yes_or_no` it must give a bool. NULL: it has mistakes, which
 * are among the reader's diagnostics. `what`: "`audience`". */
const struct cel_program *condition_compile(struct form_reader *r,
                                            const struct condition_scope *scope,
                                            const struct ynode *node, bool yes_or_no,
                                            const char *what);

/* Complain about the name of an event, the path of an attribute or of an event's property that the
 * catalog does not have, or that leads into what has no parts. */
void condition_check_event(struct form_reader *r, const struct catalog *catalog,
                           const struct ynode *node);
void condition_check_attribute(struct form_reader *r, const struct catalog *catalog,
                               const struct ynode *node, struct str path);
void condition_check_property(struct form_reader *r, const struct catalog *catalog,
                              const struct ynode *node, struct str event, struct str path);

#endif
