/* SPDX-License-Identifier: Apache-2.0
 *
 * filter_list: the filters that templates have, for the reference docs. Pure.
 */
#ifndef GODWIT_TEMPLATES_FILTER_LIST_H
#define GODWIT_TEMPLATES_FILTER_LIST_H

#include "base/str.h"

struct filter_list_entry {
    struct str name;
    unsigned least, most; /* values after the colon */
    bool ours;            /* not of the standard language */
    const char *help;
};

/* The i-th by name; false behind the last. */
bool filter_list_at(size_t i, struct filter_list_entry *out);

#endif
