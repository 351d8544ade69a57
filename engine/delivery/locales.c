/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/delivery/locales.h"

#include "templates/locale_format.h"

#include <stdlib.h>

#define LOCALES_MOST 64
#define NAME_MOST 64u

struct locales {
    size_t n;
    struct {
        char name[NAME_MOST];
        struct locale_format *format;
    } list[LOCALES_MOST];
};

struct locales *locales_new(void) {
    struct locales *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    return l;
}

static void forget(struct locales *l) {
    for (size_t i = 0; i < l->n; i++)
        locale_format_free(l->list[i].format);
    l->n = 0;
}

void locales_free(struct locales *l) {
    if (!l)
        return;
    forget(l);
    free(l);
}

struct locale_format *locales_get(struct locales *l, struct str name) {
    if (!name.n || name.n >= NAME_MOST)
        return NULL;
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(str_from(l->list[i].name), name))
            return l->list[i].format;
    if (l->n == LOCALES_MOST) /* names come from data: a new start beats growing */
        forget(l);
    memcpy(l->list[l->n].name, name.p, name.n);
    l->list[l->n].name[name.n] = 0;
    l->list[l->n].format = locale_format_new(name);
    return l->list[l->n++].format;
}
