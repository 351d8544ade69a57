/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/secret.h"

#include "base/arena.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SECRET 65536u

bool secret_is_reference(struct str text) {
    return str_starts(text, S("env:")) || str_starts(text, S("file:"));
}

static bool from_file(struct arena *a, struct str folder, struct str path, struct str *out,
                      struct err *e) {
    struct str full = path.n && path.p[0] == '/'
                          ? str_printf(a, "%.*s", STR_FMT(path))
                          : str_printf(a, "%.*s/%.*s", STR_FMT(folder), STR_FMT(path));
    FILE *f = fopen(full.p, "rb");
    if (!f)
        return err_set(e, ERR_INPUT, "the secret file:%.*s cannot be read: %s", STR_FMT(path),
                       strerror(errno));
    struct buf b = BUF_IN(a);
    size_t got;
    do {
        got = fread(buf_reserve(&b, 4096), 1, 4096, f);
        b.n += got;
    } while (got > 0 && b.n <= MAX_SECRET);
    bool failed = ferror(f);
    fclose(f);
    if (failed || b.n > MAX_SECRET)
        return err_set(e, ERR_INPUT, "the secret file:%.*s %s", STR_FMT(path),
                       failed ? "cannot be read" : "is larger than 64 KiB");
    *out = buf_str(&b);
    if (str_ends(*out, S("\n")))
        out->n--;
    if (str_ends(*out, S("\r")))
        out->n--;
    return true;
}

bool secret_resolve(struct arena *a, struct str folder, struct str text, struct str *out,
                    struct err *e) {
    if (str_starts(text, S("file:")))
        return from_file(a, folder, str_sub(text, 5, text.n), out, e);
    if (!str_starts(text, S("env:"))) {
        *out = text;
        return true;
    }
    struct str name = str_sub(text, 4, text.n);
    const char *value = getenv(str_cstr(a, name));
    if (!value)
        return err_set(e, ERR_INPUT,
                       "the environment variable %.*s, which holds a secret, is not set",
                       STR_FMT(name));
    *out = str_dup(a, str_from(value));
    return true;
}
