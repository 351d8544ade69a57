/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of conditions as the tables have them, written out for people.
 */
#include "config.h"

#include "rules/cel_internal.h"

#include <stdlib.h>

static const struct cel_function *const tables[] = {
    cel_functions_strings,   cel_functions_math,        cel_functions_time,
    cel_functions_optionals, cel_functions_collections, cel_functions_encoders,
    cel_functions_convert,   cel_functions_godwit,
};

static const char *type_name(char letter) {
    switch (letter) {
    case '0':
        return "the same";
    case 'E':
    case 'O':
        return "optional";
    case 'V':
        return "what is in it";
    case 'S':
        return "list of strings";
    case '*':
        return "any";
    default:
        return cel_kind_name(cel_type_letter(letter)->kind);
    }
}

/* "string.substring(int, int) -> string" */
static struct str signature(struct arena *a, const struct cel_function *f) {
    struct buf b = BUF_IN(a);
    const char *args = f->args;
    bool member = *args == '.';
    if (member)
        buf_printf(&b, "%s.", type_name(args[1]));
    buf_printf(&b, "%s(", f->name);
    args += member ? 2 : 0;
    for (const char *p = args; *p; p++) {
        if (*p == '+')
            buf_add_str(&b, S(", ..."));
        else
            buf_printf(&b, "%s%s", p > args ? ", " : "", type_name(*p));
    }
    buf_printf(&b, ") -> %s", type_name(f->result[0]));
    return buf_str(&b);
}

static int by_text(const void *x, const void *y) {
    return str_cmp(*(const struct str *)x, *(const struct str *)y);
}

struct str *cel_functions_list(struct arena *a, size_t *n) {
    size_t count = 0;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct cel_function *f = tables[t]; f->name; f++)
            count++;
    struct str *list = ARENA_ARRAY(a, struct str, count + 1);
    *n = 0;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct cel_function *f = tables[t]; f->name; f++)
            list[(*n)++] = signature(a, f);
    qsort(list, *n, sizeof *list, by_text);
    return list;
}
