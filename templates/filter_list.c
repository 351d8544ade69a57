/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/filter_list.h"

#include "templates/liquid_filters.h"

bool filter_list_at(size_t i, struct filter_list_entry *out) {
    const struct filter *f = filter_at(i);
    if (f)
        *out = (struct filter_list_entry){f->name, f->least, f->most, f->ours, f->help};
    return f != NULL;
}
