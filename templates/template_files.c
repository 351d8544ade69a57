/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/template_files.h"

#include "base/arena.h"

#include <openssl/evp.h>

static const char folder[] = "/attachments/";

bool template_files_path(struct str path, struct str *owner, struct str *name) {
    ptrdiff_t at = str_find(path, str_from(folder));
    if (at <= 0)
        return false;
    *owner = str_sub(path, 0, (size_t)at);
    *name = str_sub(path, (size_t)at + sizeof folder - 1, path.n);
    return name->n > 0 && !memchr(name->p, '/', name->n);
}

const char *template_files_type(struct str name) {
    static const struct {
        struct str ending;
        const char *type;
    } types[] = {
        {{".pdf", 4}, "application/pdf"},
        {{".ics", 4}, "text/calendar; charset=utf-8"},
        {{".txt", 4}, "text/plain; charset=utf-8"},
        {{".csv", 4}, "text/csv; charset=utf-8"},
        {{".html", 5}, "text/html; charset=utf-8"},
        {{".vcf", 4}, "text/vcard; charset=utf-8"},
        {{".png", 4}, "image/png"},
        {{".jpg", 4}, "image/jpeg"},
        {{".jpeg", 5}, "image/jpeg"},
        {{".gif", 4}, "image/gif"},
        {{".webp", 5}, "image/webp"},
        {{".svg", 4}, "image/svg+xml"},
        {{".zip", 4}, "application/zip"},
        {{".pkpass", 7}, "application/vnd.apple.pkpass"},
        {{".docx", 5}, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
        {{".xlsx", 5}, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (name.n > types[i].ending.n &&
            str_eq_nocase(str_sub(name, name.n - types[i].ending.n, name.n), types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

bool template_files_is_name(struct str name) {
    for (size_t i = 0, n; i < name.n; i += n) {
        n = str_utf8(str_sub(name, i, name.n), NULL);
        if (n == 0 || (unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
            return false;
    }
    return name.n > 0;
}

/* ---- in bundles */

static struct str encode(struct arena *a, struct str data) {
    char *out = arena_alloc(a, 4 * ((data.n + 2) / 3) + 1);
    int n = EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)data.p, (int)data.n);
    return str_of(out, (size_t)n);
}

static bool decode(struct arena *a, struct str text, struct str *data) {
    if (text.n % 4 != 0 || text.n > 4 * (TEMPLATE_FILES_BYTES_MOST / 3 + 1))
        return false;
    char *out = arena_alloc(a, text.n / 4 * 3 + 1);
    int n = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text.p, (int)text.n);
    if (n < 0)
        return false;
    for (size_t i = 0; i < 2 && text.n > i && text.p[text.n - 1 - i] == '='; i++)
        n--; /* what only fills up */
    *data = str_of(out, (size_t)n);
    return true;
}

void template_files_bundle(struct arena *a, struct map *bundle, struct str owner,
                           const struct template_file *files, size_t n) {
    for (size_t i = 0; i < n; i++)
        map_set_str(a, bundle,
                    str_printf(a, "%.*s%s%.*s", STR_FMT(owner), folder, STR_FMT(files[i].name)),
                    value_str(encode(a, files[i].data)));
}

bool template_files_unbundle(struct arena *a, const struct map_entry *entry, struct str *source) {
    struct str owner, name;
    *source = value_text(entry->value);
    if (entry->value.type != V_STRING)
        return false;
    return !template_files_path(value_text(entry->key), &owner, &name) ||
           decode(a, *source, source);
}
