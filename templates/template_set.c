/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/template_set.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/yamlfile.h"
#include "templates/links.h"
#include "templates/liquid_parse.h"
#include "templates/template_inputs.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdlib.h>

#define TRANSLATIONS "_translations.yaml"

static const char *const part_names[TEMPLATE_PARTS] = {"subject", "text", "html", "sms",
                                                       "body.json"};

struct variant {
    struct str locale; /* empty: the default */
    struct str path;
    const struct liquid_template *program;
    struct variant *next;
};

struct message_template {
    struct str name, hash, bundle;
    const struct list *partials; /* V_STRING: what it brings in */
    struct variant *part[TEMPLATE_PARTS];
    struct list *locales, *required;
    const struct list *inputs;
    struct template_file files[TEMPLATE_FILES_MOST];
    size_t n_files;
};

struct template_set {
    struct arena *arena;
    struct liquid_set *plain, *html; /* partials are in both */
    struct map *templates;           /* name -> V_OWN */
    struct map *files;               /* path -> source */
    struct map *translations;        /* key -> text or locale -> text; NULL: no file */
};

struct template_set *template_set_new(struct arena *a) {
    struct template_set *s = ARENA_NEW(a, struct template_set);
    s->arena = a;
    s->plain = liquid_set_new(a, true, true);
    s->html = liquid_set_new(a, true, true);
    s->templates = map_new(a, 8);
    s->files = map_new(a, 16);
    return s;
}

const char *template_part_name(enum template_part part) {
    return part_names[part];
}

/* ---- paths */
static bool is_locale(struct str s) {
    size_t letters = 0;
    while (letters < s.n && isalpha((unsigned char)s.p[letters]))
        letters++;
    if (letters < 2 || letters > 3)
        return false;
    for (size_t i = letters; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
            return false;
    return letters == s.n || s.p[letters] == '-' || s.p[letters] == '_';
}

/* "winback/text.zh-TW" -> winback, TEXT, zh-TW. */
static bool part_of(struct str stem, struct str *name, enum template_part *part,
                    struct str *locale) {
    size_t slash = stem.n;
    while (slash > 0 && stem.p[slash - 1] != '/')
        slash--;
    if (slash < 2)
        return false;
    *name = str_sub(stem, 0, slash - 1);
    struct str file = str_sub(stem, slash, stem.n);
    for (int i = 0; i < TEMPLATE_PARTS; i++) {
        struct str p = str_from(part_names[i]);
        if (!str_starts(file, p))
            continue;
        *part = (enum template_part)i;
        *locale = str_sub(file, p.n + 1, file.n);
        if (file.n == p.n || (file.p[p.n] == '.' && is_locale(*locale)))
            return true;
    }
    return false;
}

static struct place place_of(struct template_set *s, struct str path, int line, int column) {
    struct place p = {.file = str_printf(s->arena, "templates/%.*s", STR_FMT(path)),
                      .line = line,
                      .column = column};
    return p;
}

/* ---- heads: YAML between lines of --- */
static size_t head_length(struct str source) {
    size_t at = 0;
    if (!str_starts(source, S("---\n")) && !str_starts(source, S("---\r\n")))
        return 0;
    for (int line = 0; at < source.n; line++) {
        const char *end = memchr(source.p + at, '\n', source.n - at);
        size_t next = end ? (size_t)(end - source.p) + 1 : source.n;
        struct str text = str_trim(str_sub(source, at, next));
        if (line > 0 && str_eq(text, S("---")))
            return next;
        at = next;
    }
    return 0;
}

static bool add_required(struct template_set *s, struct message_template *t,
                         const struct yamlfile *f, const struct ynode *list, struct diags *d) {
    if (list->kind != Y_LIST) {
        diags_add(d, DIAG_ERROR, ynode_place(f, list), f->source,
                  "`required` is a list of values: [customer.first_name]");
        return false;
    }
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i]->kind != Y_SCALAR || list->items[i]->text.n == 0) {
            diags_add(d, DIAG_ERROR, ynode_place(f, list->items[i]), f->source,
                      "a required value is a name: customer.first_name");
            return false;
        }
        list_add(s->arena, t->required, value_str(str_dup(s->arena, list->items[i]->text)));
    }
    return true;
}

static bool read_head(struct template_set *s, struct message_template *t, struct str path,
                      struct str source, size_t length, struct diags *d) {
    struct yamlfile f;
    size_t end = length;
    while (end > 0 && source.p[end - 1] != '-')
        end--;
    struct place at = place_of(s, path, 1, 1);
    if (!yamlfile_parse(s->arena, at.file, str_sub(source, 0, end - 3), &f, d))
        return false;
    if (!f.root)
        return true;
    if (f.root->kind != Y_MAP) {
        diags_add(d, DIAG_ERROR, at, source, "the head of a template is a list of settings");
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < f.root->n; i++) {
        const struct ypair *p = &f.root->pairs[i];
        if (str_eq(p->key->text, S("required"))) {
            if (t)
                ok = add_required(s, t, &f, p->value, d) && ok;
        } else if (!str_eq(p->key->text, S("description"))) {
            diags_add(d, DIAG_ERROR, ynode_place(&f, p->key), source,
                      "the head of a template knows `required` and `description`, not `%.*s`",
                      STR_FMT(p->key->text));
            ok = false;
        }
    }
    return ok;
}

/* ---- adding */
static const struct liquid_template *compile(struct template_set *s, struct liquid_set *set,
                                             struct str path, struct str name, struct str source,
                                             size_t skip, bool html, struct diags *d) {
    const struct liquid_template *t;
    struct err e = ERR_INIT;
    struct liquid_place at = {0};
    bool ok = liquid_parse(set, name, source, skip, html, &t, &e, &at);
    ((struct liquid_template *)t)->shown = place_of(s, path, 0, 0).file;
    if (ok)
        return t;
    if (d)
        diags_add(d, DIAG_ERROR, place_of(s, path, at.line, at.column), source, "%.*s",
                  STR_FMT(t->error));
    return NULL;
}

static struct message_template *named(struct template_set *s, struct str name) {
    const struct value *there = map_get_str(s->templates, name);
    if (there)
        return (struct message_template *)there->u.ext;
    struct message_template *t = ARENA_NEW(s->arena, struct message_template);
    t->name = str_dup(s->arena, name);
    t->locales = list_new(s->arena, 0);
    t->required = list_new(s->arena, 0);
    map_set_str(s->arena, s->templates, t->name, (struct value){.type = V_OWN, .u.ext = t});
    return t;
}

static bool add_part(struct template_set *s, struct str path, struct str source,
                     struct message_template *t, enum template_part part, struct str locale,
                     struct diags *d) {
    bool html = part == TEMPLATE_HTML;
    size_t skip = head_length(source);
    bool ok = !skip || read_head(s, t, path, source, skip, d);
    struct str name = str_printf(s->arena, "templates/%.*s", STR_FMT(path));
    const struct liquid_template *program =
        compile(s, html ? s->html : s->plain, path, name, source, skip, html, d);
    if (!program)
        return false;
    if (html || part == TEMPLATE_TEXT || part == TEMPLATE_SMS)
        links_find(s->arena, (struct liquid_template *)program);
    struct variant *v = ARENA_NEW(s->arena, struct variant);
    *v = (struct variant){.locale = str_dup(s->arena, locale),
                          .path = path,
                          .program = program,
                          .next = t->part[part]};
    t->part[part] = v;
    bool seen = locale.n == 0;
    for (size_t i = 0; i < t->locales->n && !seen; i++)
        seen = str_eq(value_text(t->locales->v[i]), locale);
    if (!seen)
        list_add(s->arena, t->locales, value_str(v->locale));
    return ok;
}

/* A variant of a partial (item.zh-TW) is handed its value under the partial's name (item). */
static void name_variant(struct liquid_set *set, const struct liquid_template *t) {
    struct str stem = t->name;
    size_t dot = stem.n;
    while (dot > 0 && stem.p[dot - 1] != '.' && stem.p[dot - 1] != '/')
        dot--;
    if (dot < 2 || stem.p[dot - 1] != '.' || !is_locale(str_sub(stem, dot, stem.n)))
        return;
    struct str base = str_sub(stem, 0, dot - 1);
    size_t slash = base.n;
    while (slash > 0 && base.p[slash - 1] != '/')
        slash--;
    struct liquid_template *own = (struct liquid_template *)t; /* nobody else has it yet */
    own->symbol = liquid_symbol(set, base);
    own->base_symbol = liquid_symbol(set, str_sub(base, slash, base.n));
}

static bool add_partial(struct template_set *s, struct str path, struct str stem, struct str source,
                        struct diags *d) {
    size_t skip = head_length(source);
    bool ok = !skip || read_head(s, NULL, path, source, skip, d);
    const struct liquid_template *plain = compile(s, s->plain, path, stem, source, skip, false, d);
    const struct liquid_template *html = compile(s, s->html, path, stem, source, skip, true, NULL);
    if (!plain || !html)
        return false;
    name_variant(s->plain, plain);
    name_variant(s->html, html);
    links_find(s->arena, (struct liquid_template *)plain);
    links_find(s->arena, (struct liquid_template *)html);
    return ok;
}

static bool add_translations(struct template_set *s, struct str path, struct str source,
                             struct diags *d) {
    struct yamlfile f;
    struct place at = place_of(s, path, 1, 1);
    if (!yamlfile_parse(s->arena, at.file, source, &f, d))
        return false;
    struct value v = f.root ? ynode_value(s->arena, f.root) : VALUE_NULL;
    if (v.type != V_MAP) {
        diags_add(d, DIAG_ERROR, at, source,
                  "translations are keys with a text, or with a text for each locale");
        return false;
    }
    s->translations = (struct map *)v.u.map;
    return true;
}

static bool add_file_of(struct template_set *s, struct message_template *t, struct str path,
                        struct str name, struct str data, struct diags *d) {
    size_t bytes = data.n;
    if (!template_files_is_name(name))
        return !diags_add(d, DIAG_ERROR, place_of(s, t->name, 0, 0), STR_NONE,
                          "the name of an attachment is not plain UTF-8 text");
    for (size_t i = 0; i < t->n_files; i++)
        bytes += t->files[i].data.n;
    if (t->n_files == TEMPLATE_FILES_MOST || bytes > TEMPLATE_FILES_BYTES_MOST) {
        diags_add(d, DIAG_ERROR, place_of(s, path, 0, 0), STR_NONE,
                  "a template can have %d attachments of %u MiB together at most",
                  TEMPLATE_FILES_MOST, TEMPLATE_FILES_BYTES_MOST >> 20)
            ->hint = S("put a large file on the web and a link to it into the mail");
        return false;
    }
    t->files[t->n_files++] = (struct template_file){name, template_files_type(name), data};
    return true;
}

bool template_set_add(struct template_set *s, struct str path, struct str source, struct diags *d) {
    struct str name, locale;
    enum template_part part;
    path = str_dup(s->arena, path);
    source = str_dup(s->arena, source);
    map_set_str(s->arena, s->files, path, value_str(source));
    if (str_eq(path, S(TRANSLATIONS)))
        return add_translations(s, path, source, d);
    struct str owner, file;
    if (template_files_path(path, &owner, &file))
        return add_file_of(s, named(s, owner), path, file, source, d);
    if (!str_ends(path, S(".liquid"))) {
        diags_add(d, DIAG_WARNING, place_of(s, path, 0, 0), STR_NONE,
                  "this file is no template: its name does not end in .liquid");
        return true;
    }
    struct str stem = str_sub(path, 0, path.n - 7);
    if (part_of(stem, &name, &part, &locale))
        return add_part(s, path, source, named(s, name), part, locale, d);
    return add_partial(s, path, stem, source, d);
}

/* ---- finishing */
struct checking {
    struct template_set *set;
    struct diags *diags;
};

static void on_missing_partial(void *context, const struct liquid_template *in, uint32_t at,
                               struct str name) {
    struct checking *c = context;
    struct place place = {.file = in->shown};
    liquid_position(in->source, at, &place.line, &place.column);
    diags_add(c->diags, DIAG_ERROR, place, in->source,
              "there is no template `%.*s`; a file templates/%.*s.liquid would be one",
              STR_FMT(name), STR_FMT(name));
}

static void add_file(struct template_set *s, struct map *bundle, struct str path) {
    const struct value *source = map_get_str(s->files, path);
    if (source)
        map_set_str(s->arena, bundle, path, *source);
}

static struct str sha256(struct arena *a, struct str text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct buf b = BUF_IN(a);
    if (!EVP_Digest(text.p, text.n, digest, &n, EVP_sha256(), NULL))
        abort(); /* only when libcrypto has no memory */
    for (unsigned i = 0; i < n; i++)
        buf_printf(&b, "%02x", digest[i]);
    return buf_str(&b);
}

static int by_path(const void *a, const void *b) {
    const struct map_entry *x = a, *y = b;
    return str_cmp(value_text(x->key), value_text(y->key));
}

/* What the template is made of, in the order of the paths. */
static void make_bundle(struct template_set *s, struct message_template *t,
                        const struct template_needs *needs) {
    struct map *bundle = map_new(s->arena, 8);
    for (int p = 0; p < TEMPLATE_PARTS; p++)
        for (const struct variant *v = t->part[p]; v; v = v->next)
            add_file(s, bundle, v->path);
    for (size_t i = 0; i < needs->partials->n; i++)
        add_file(s, bundle,
                 str_printf(s->arena, "%.*s.liquid", STR_FMT(value_text(needs->partials->v[i]))));
    if (needs->translates)
        add_file(s, bundle, S(TRANSLATIONS));
    template_files_bundle(s->arena, bundle, t->name, t->files, t->n_files);
    struct map sorted = {.n = bundle->n, .e = bundle->e}; /* only to be written */
    qsort(sorted.e, sorted.n, sizeof *sorted.e, by_path);
    struct buf b = BUF_IN(s->arena);
    json_write(&b, value_map(&sorted));
    t->bundle = buf_str(&b);
    t->hash = sha256(s->arena, t->bundle);
}

static void finish_one(struct template_set *s, struct message_template *t, struct diags *d) {
    struct template_needs needs;
    struct checking c = {s, d};
    template_needs_init(&needs, s->arena);
    for (int p = 0; p < TEMPLATE_PARTS; p++)
        for (const struct variant *v = t->part[p]; v; v = v->next)
            template_needs_add(&needs, p == TEMPLATE_HTML ? s->html : s->plain, v->program,
                               on_missing_partial, &c);
    for (size_t i = 0; i < t->required->n; i++) /* kept too: a later check needs them */
        template_needs_path(&needs, value_text(t->required->v[i]));
    t->inputs = needs.paths;
    t->partials = needs.partials;
    make_bundle(s, t, &needs);
}

bool template_set_finish(struct template_set *s, struct diags *d) {
    for (size_t i = 0; i < s->templates->n; i++)
        finish_one(s, (struct message_template *)s->templates->e[i].value.u.ext, d);
    return d->errors == 0;
}

bool template_set_unbundle(struct template_set *s, struct str bundle, struct diags *d,
                           struct err *e) {
    struct value v;
    if (!json_parse(s->arena, bundle, &v, e))
        return false;
    if (v.type != V_MAP)
        return err_set(e, ERR_INPUT, "the stored template is no list of files");
    for (size_t i = 0; i < v.u.map->n; i++) {
        const struct map_entry *f = &v.u.map->e[i];
        struct str text;
        if (!template_files_unbundle(s->arena, f, &text) ||
            !template_set_add(s, value_text(f->key), text, d))
            return err_set(e, ERR_INPUT, "the stored template's file %.*s cannot be read",
                           STR_FMT(value_text(f->key)));
    }
    return template_set_finish(s, d) ||
           err_set(e, ERR_INPUT, "the stored template is not complete");
}

/* ---- what the others ask */
size_t template_attachments(const struct message_template *t, const struct template_file **list) {
    return *list = t->files, t->n_files;
}

const struct message_template *template_find(const struct template_set *s, struct str name,
                                             struct str *nearest) {
    const struct value *v = map_get_str(s->templates, name);
    if (nearest)
        *nearest = STR_NONE;
    if (v || !nearest)
        return v ? v->u.ext : NULL;
    struct str names[64];
    size_t n = 0;
    for (; n < s->templates->n && n < 64; n++)
        names[n] = value_text(s->templates->e[n].key);
    *nearest = str_nearest(name, names, n);
    return NULL;
}

const struct message_template *template_at(const struct template_set *s, size_t i) {
    return i < s->templates->n ? s->templates->e[i].value.u.ext : NULL;
}

struct str template_name(const struct message_template *t) {
    return t->name;
}

bool template_has(const struct message_template *t, enum template_part part) {
    return t->part[part] != NULL;
}

const struct list *template_locales(const struct message_template *t) {
    return t->locales;
}

const struct list *template_inputs(const struct message_template *t) {
    return t->inputs;
}

const struct list *template_required(const struct message_template *t) {
    return t->required;
}

struct str template_hash(const struct message_template *t) {
    return t->hash;
}

struct str template_bundle(const struct message_template *t) {
    return t->bundle;
}

/* The path in a text, as a word of its own: behind it may follow more of a path. */
static bool find_path(struct str source, struct str path, uint32_t *at) {
    for (size_t i = 0; i + path.n <= source.n; i++) {
        char before = i ? source.p[i - 1] : ' ',
             after = i + path.n < source.n ? source.p[i + path.n] : ' ';
        if (memcmp(source.p + i, path.p, path.n) != 0 || isalnum((unsigned char)before) ||
            before == '_' || before == '.' || isalnum((unsigned char)after) || after == '_')
            continue;
        *at = (uint32_t)i;
        return true;
    }
    return false;
}

static bool place_in(const struct template_set *s, const struct liquid_template *program,
                     struct str path, struct place *at, struct str *source) {
    uint32_t offset;
    if (!program || !find_path(program->source, path, &offset))
        return false;
    *at = (struct place){.file = program->name, .length = (int)path.n};
    if (!str_starts(program->name, S("templates/")))
        at->file = str_printf(s->arena, "templates/%.*s.liquid", STR_FMT(program->name));
    liquid_position(program->source, offset, &at->line, &at->column);
    *source = program->source;
    return true;
}

bool template_place_of(const struct template_set *s, const struct message_template *t,
                       struct str path, struct place *at, struct str *source) {
    for (int p = 0; p < TEMPLATE_PARTS; p++)
        for (const struct variant *v = t->part[p]; v; v = v->next)
            if (place_in(s, v->program, path, at, source))
                return true;
    for (size_t i = 0; i < t->partials->n; i++)
        if (place_in(s, liquid_find(s->plain, value_text(t->partials->v[i])), path, at, source))
            return true;
    return false;
}

/* The part that the name of a file, up to its first dot, is near to or the beginning of. */
static struct str part_like(struct str file) {
    struct str base = file, names[TEMPLATE_PARTS], word;
    if (!str_split(&base, '.', &word))
        return STR_NONE;
    for (int i = 0; i < TEMPLATE_PARTS; i++) {
        names[i] = str_from(part_names[i]);
        if (word.n >= 3 && str_starts(names[i], word))
            return names[i];
    }
    return str_nearest(word, names, TEMPLATE_PARTS);
}

static bool brings_in(const struct template_set *s, struct str partial) {
    for (size_t i = 0; i < s->templates->n; i++) {
        const struct message_template *t = s->templates->e[i].value.u.ext;
        for (size_t k = 0; k < t->partials->n; k++)
            if (str_eq(value_text(t->partials->v[k]), partial))
                return true;
    }
    return false;
}

bool template_misnamed(const struct template_set *s, const struct message_template *t, size_t i,
                       struct str *file, struct str *nearest) {
    const struct map *all = s->plain->templates;
    for (size_t k = 0; k < all->n; k++) {
        struct str name = value_text(all->e[k].key);
        if (name.n <= t->name.n + 1 || !str_starts(name, t->name) || name.p[t->name.n] != '/')
            continue;
        *file = str_sub(name, t->name.n + 1, name.n);
        *nearest = memchr(file->p, '/', file->n) ? STR_NONE : part_like(*file);
        if (nearest->n && !brings_in(s, name) && i-- == 0)
            return true;
    }
    return false;
}

bool template_missing(const struct message_template *t, const struct map *data, struct str *path) {
    struct value root = value_map(data);
    for (size_t i = 0; i < t->required->n; i++) {
        *path = value_text(t->required->v[i]);
        const struct value *v = data ? value_path(&root, *path) : NULL;
        if (!v || v->type == V_NULL || (v->type == V_STRING && str_trim(value_text(*v)).n == 0))
            return true;
    }
    return false;
}

/* ---- rendering */
static bool same_locale(struct str a, struct str b) {
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        char x = a.p[i] == '_' ? '-' : (char)tolower((unsigned char)a.p[i]);
        char y = b.p[i] == '_' ? '-' : (char)tolower((unsigned char)b.p[i]);
        if (x != y)
            return false;
    }
    return true;
}

/* The variant for a locale; each step drops what follows its last dash. */
static const struct variant *pick(const struct variant *list, struct str locale) {
    for (;;) {
        for (const struct variant *v = list; v; v = v->next)
            if (same_locale(v->locale, locale))
                return v;
        if (locale.n == 0)
            return list;
        while (locale.n && locale.p[locale.n - 1] != '-' && locale.p[locale.n - 1] != '_')
            locale.n--;
        locale.n -= locale.n > 0;
    }
}

struct str template_variant(const struct message_template *t, enum template_part part,
                            struct str locale) {
    return pick(t->part[part], locale)->locale;
}

bool template_render(const struct template_set *s, const struct message_template *t,
                     enum template_part part, const struct liquid_params *p, struct buf *out,
                     struct err *e) {
    struct str path;
    const struct variant *v = pick(t->part[part], p->locale_name);
    if (!v)
        return err_set(e, ERR_INPUT, "the template %.*s has no %s part", STR_FMT(t->name),
                       part_names[part]);
    if (template_missing(t, p->data, &path))
        return err_set(e, ERR_INPUT, "the template %.*s requires %.*s, which this customer lacks",
                       STR_FMT(t->name), STR_FMT(path));
    struct liquid_params params = *p;
    params.globals = true;
    params.translations = s->translations;
    return liquid_render(part == TEMPLATE_HTML ? s->html : s->plain, v->program, &params, out, e,
                         NULL);
}
