/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/workspace.h"

#include "base/arena.h"
#include "engine/workspace_review.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAX_FILES 100000u

/* What a channel needs of a template, by what it carries. */
static const struct {
    const char *all_of[2], *one_of[3];
} needs[] = {
    [CARRIES_EMAIL] = {{"subject"}, {"text", "html"}},
    [CARRIES_SMS] = {{NULL}, {"sms"}},
    [CARRIES_WEBHOOK] = {{NULL}, {"body.json"}},
};

struct load {
    struct workspace *w;
    struct arena *a;
    struct diags *d;
    struct str *broken; /* templates' files with mistakes, by their path in templates/ */
    size_t n_broken;
};

static bool load_settings(struct load *l);
static void load_rules(struct load *l);
static void load_templates(struct load *l);
static void load_campaigns(struct load *l);

static struct workspace *load(struct str folder, bool only_settings, struct diags *d) {
    struct arena *a = arena_new(65536);
    struct load l = {.w = ARENA_NEW(a, struct workspace), .a = a, .d = d};
    size_t errors = d->errors;
    l.w->arena = a;
    l.w->holders = 1;
    l.w->folder = str_dup(a, folder);
    if (load_settings(&l) && !only_settings) {
        load_rules(&l);
        load_templates(&l);
        load_campaigns(&l);
        workspace_review(l.w, d);
    }
    diags_sort(d);
    for (size_t i = 0; i < d->n; i++) /* hints are written in the workspace's arena */
        d->list[i].hint = str_dup(d->arena, d->list[i].hint);
    if (d->errors == errors)
        return l.w;
    workspace_release(l.w);
    return NULL;
}

struct workspace *workspace_load(struct str folder, struct diags *d) {
    return load(folder, false, d);
}

struct workspace *workspace_load_settings(struct str folder, struct diags *d) {
    return load(folder, true, d);
}

struct workspace *workspace_hold(struct workspace *w) {
    w->holders++;
    return w;
}

void workspace_release(struct workspace *w) {
    if (!w)
        return;
    assert(w->holders > 0);
    if (--w->holders == 0)
        arena_free(w->arena);
}

/* ---- files */

static const char *path_of(const struct load *l, struct str name) {
    return str_printf(l->a, "%.*s/%.*s", STR_FMT(l->w->folder), STR_FMT(name)).p;
}

static bool exists(const struct load *l, struct str name) {
    struct stat st;
    return stat(path_of(l, name), &st) == 0;
}

/* Loads the file if it is there. */
static bool load_file(struct load *l, struct str name, struct yamlfile *out) {
    return yamlfile_load(l->a, path_of(l, name), name, out, l->d);
}

static int by_text(const void *a, const void *b) {
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The entries of a folder without hidden ones, sorted; none when it is not there. */
static struct str *list_folder(struct load *l, struct str name, size_t *n) {
    struct str *list = NULL;
    size_t cap = 0;
    *n = 0;
    DIR *dir = opendir(path_of(l, name));
    if (!dir) {
        if (errno != ENOENT)
            diags_add(l->d, DIAG_ERROR, (struct place){.file = name}, STR_NONE,
                      "the folder cannot be read: %s", strerror(errno));
        return NULL;
    }
    for (struct dirent *e = readdir(dir); e && *n < MAX_FILES; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        if (*n == cap) {
            size_t grown = cap ? cap * 2 : 16;
            list = arena_grow(l->a, list, cap * sizeof *list, grown * sizeof *list);
            cap = grown;
        }
        list[(*n)++] = str_dup(l->a, str_from(e->d_name));
    }
    closedir(dir);
    if (*n)
        qsort(list, *n, sizeof *list, by_text);
    return list;
}

static bool is_folder(const struct load *l, struct str name) {
    struct stat st;
    return stat(path_of(l, name), &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- godwit.yaml, catalog.yaml, segments.yaml */

static bool load_settings(struct load *l) {
    struct yamlfile file;
    struct str name = S("godwit.yaml");
    if (!exists(l, name)) {
        struct diag *x = diags_add(l->d, DIAG_ERROR, (struct place){.file = name}, STR_NONE,
                                   "there is no such file in %.*s, so this is no workspace",
                                   STR_FMT(l->w->folder));
        x->hint = S("make one with `godwit init DIR`, or name it with -C DIR");
        return false;
    }
    /* a broken settings file would make every name in the campaigns a mistake */
    if (!load_file(l, name, &file))
        return false;
    settings_read(l->a, &file, &l->w->settings, l->d);
    return true;
}

/* ---- files that segments name */

#define MAX_LIST (64u << 20)

static bool stays_inside(struct str name) {
    struct str rest = name, part;
    if (!name.n || name.p[0] == '/')
        return false;
    while (str_split(&rest, '/', &part))
        if (str_eq(part, S("..")))
            return false;
    return true;
}

static bool read_list(void *ctx, struct str name, struct str *text, struct err *e) {
    const struct load *l = ctx;
    struct stat st;
    if (!stays_inside(name))
        return err_set(e, ERR_INPUT, "`%.*s` is not in the workspace", STR_FMT(name));
    FILE *f = fopen(path_of(l, name), "rb");
    if (!f || fstat(fileno(f), &st) != 0) {
        err_set(e, ERR_INPUT, "`%.*s` cannot be read: %s", STR_FMT(name), strerror(errno));
        if (f)
            fclose(f);
        return false;
    }
    size_t size = st.st_size > 0 && st.st_size <= MAX_LIST ? (size_t)st.st_size : 0;
    char *p = arena_alloc(l->a, size + 1);
    *text = str_of(p, fread(p, 1, size, f));
    bool whole = text->n == size && !ferror(f);
    fclose(f);
    if (st.st_size > MAX_LIST)
        return err_set(e, ERR_INPUT, "`%.*s` is larger than %u MB", STR_FMT(name), MAX_LIST >> 20);
    return whole || err_set(e, ERR_INPUT, "`%.*s` cannot be read to its end", STR_FMT(name));
}

static void load_rules(struct load *l) {
    const struct segment_files files = {l, read_list};
    struct campaign_set *rules = &l->w->rules;
    struct yamlfile file;
    if (exists(l, S("catalog.yaml")) && load_file(l, S("catalog.yaml"), &file))
        catalog_read(l->a, &file, &rules->catalog, l->d);
    if (exists(l, S("segments.yaml")) && load_file(l, S("segments.yaml"), &file))
        segment_read(l->a, &file, &rules->catalog, &files, &rules->segments, &rules->n_segments,
                     l->d);
}

/* ---- templates */

#define MAX_TEMPLATE (4u << 20)
#define MAX_NESTING 4

static bool is_template_file(struct str name) {
    return str_ends(name, S(".liquid")) || str_eq(name, S("_translations.yaml"));
}

static bool is_attachment(struct str path) {
    struct str owner, name;
    return template_files_path(path, &owner, &name);
}

/* The whole of a file; false: said. */
static bool read_file(struct load *l, struct str name, struct str *out) {
    struct place at = {.file = name};
    struct buf b = BUF_IN(l->a);
    FILE *f = fopen(path_of(l, name), "rb");
    size_t got = 1;
    while (f && got && b.n <= MAX_TEMPLATE) {
        got = fread(buf_reserve(&b, 16384), 1, 16384, f);
        b.n += got;
    }
    bool bad = !f || ferror(f);
    if (bad)
        diags_add(l->d, DIAG_ERROR, at, STR_NONE, "cannot be read: %s", strerror(errno));
    else if (b.n > MAX_TEMPLATE)
        diags_add(l->d, DIAG_ERROR, at, STR_NONE, "is larger than 4 MiB");
    if (f)
        fclose(f);
    *out = buf_str(&b);
    return !bad && b.n <= MAX_TEMPLATE;
}

static void add_broken(struct load *l, struct str path) {
    l->broken =
        arena_grow(l->a, l->broken, l->n_broken * sizeof path, (l->n_broken + 1) * sizeof path);
    l->broken[l->n_broken++] = path;
}

/* Adds what is below templates/INSIDE to the set, by paths relative to templates/. */
static void add_templates(struct load *l, struct template_set *set, struct str inside, int depth) {
    size_t n;
    struct str folder = str_printf(l->a, "templates%s%.*s", inside.n ? "/" : "", STR_FMT(inside));
    struct str *names = list_folder(l, folder, &n);
    for (size_t i = 0; i < n; i++) {
        struct str path =
            str_printf(l->a, "%.*s%s%.*s", STR_FMT(inside), inside.n ? "/" : "", STR_FMT(names[i]));
        struct str file = str_printf(l->a, "templates/%.*s", STR_FMT(path)), source;
        if (is_folder(l, file)) {
            if (depth < MAX_NESTING)
                add_templates(l, set, path, depth + 1);
        } else if ((is_template_file(names[i]) || is_attachment(path)) &&
                   read_file(l, file, &source)) {
            if (!template_set_add(set, path, source, l->d))
                add_broken(l, path);
        }
    }
}

static void add_part(struct campaign_template *t, struct str *parts, struct str part) {
    for (size_t i = 0; i < t->n_parts; i++)
        if (str_eq(parts[i], part))
            return;
    parts[t->n_parts++] = part;
}

/* A part with a mistake is there all the same: that it is missing would be a second message, and
 * not true. */
static size_t list_broken(struct load *l, struct campaign_template *list, size_t n,
                          struct str path) {
    struct str file = path, name;
    size_t at = 0;
    if (!str_split(&file, '/', &name) || !file.n)
        return n;
    while (at < n && !str_eq(list[at].name, name))
        at++;
    if (at == n)
        list[n++] = (struct campaign_template){
            .name = name, .parts = ARENA_ARRAY(l->a, struct str, TEMPLATE_PARTS)};
    for (int part = 0; part < TEMPLATE_PARTS; part++) {
        struct str known = str_from(template_part_name((enum template_part)part));
        if (file.n > known.n && str_starts(file, known) && file.p[known.n] == '.')
            add_part(&list[at], (struct str *)list[at].parts, known);
    }
    return n;
}

/* As campaigns are checked against them. */
static void list_templates(struct load *l) {
    const struct template_set *set = l->w->template_set;
    const struct message_template *t;
    size_t n = 0;
    while (template_at(set, n))
        n++;
    struct campaign_template *list =
        ARENA_ARRAY(l->a, struct campaign_template, n + l->n_broken + 1);
    for (size_t i = 0; (t = template_at(set, i)); i++) {
        struct str *found = ARENA_ARRAY(l->a, struct str, TEMPLATE_PARTS);
        list[i] = (struct campaign_template){.name = template_name(t), .parts = found};
        for (int part = 0; part < TEMPLATE_PARTS; part++)
            if (template_has(t, (enum template_part)part))
                add_part(&list[i], found, str_from(template_part_name((enum template_part)part)));
    }
    for (size_t i = 0; i < l->n_broken; i++)
        n = list_broken(l, list, n, l->broken[i]);
    l->w->templates = list;
    l->w->n_templates = n;
}

static void load_templates(struct load *l) {
    struct template_set *set = template_set_new(l->a);
    add_templates(l, set, STR_NONE, 0);
    l->w->template_set = set;
    bool whole = template_set_finish(set, l->d);
    (void)whole; /* mistakes are said; campaigns are checked against what there is */
    list_templates(l);
}

const struct campaign_template *workspace_template(const struct workspace *w, struct str name) {
    for (size_t i = 0; i < w->n_templates; i++)
        if (str_eq(w->templates[i].name, name))
            return &w->templates[i];
    return NULL;
}

/* ---- campaigns */

static struct campaign_names names_of(struct load *l) {
    const struct settings *s = &l->w->settings;
    struct campaign_channel *channels =
        ARENA_ARRAY(l->a, struct campaign_channel, s->n_channels + 1);
    struct str *topics = ARENA_ARRAY(l->a, struct str, s->n_topics + 1);
    for (size_t i = 0; i < s->n_channels; i++) {
        const struct settings_channel *c = &s->channels[i];
        channels[i].name = c->name;
        channels[i].all_of = needs[c->carries].all_of;
        channels[i].one_of = needs[c->carries].one_of;
    }
    for (size_t i = 0; i < s->n_topics; i++)
        topics[i] = s->topics[i].name;
    return (struct campaign_names){
        .channels = channels,
        .n_channels = s->n_channels,
        .topics = topics,
        .n_topics = s->n_topics,
        .templates = l->w->templates,
        .n_templates = l->w->n_templates,
        .zone = s->zone,
    };
}

/* The first message about a topic that goes by mail; NULL: none. */
static const struct step_send *mail_about_topic(const struct settings *s,
                                                const struct campaign *c) {
    for (size_t i = 0; i < c->n_steps; i++) {
        const struct step_send *send = c->steps[i].kind == STEP_SEND ? &c->steps[i].u.send : NULL;
        for (; send; send = send->fallback) {
            const struct settings_channel *channel = settings_channel(s, send->channel);
            if (channel && channel->carries == CARRIES_EMAIL && send->topic.n)
                return send;
        }
    }
    return NULL;
}

/* The first campaign that sends mail about a topic: such mail must show who sends it. */
static void check_postal_address(struct load *l) {
    const struct settings *s = &l->w->settings;
    const struct ynode *sender = ynode_get(s->file.root, S("sender"));
    for (size_t i = 0; sender && i < l->w->rules.n_campaigns && !s->sender.postal_address.n; i++) {
        const struct campaign *c = l->w->rules.campaigns[i];
        const struct step_send *send = mail_about_topic(s, c);
        if (!send)
            continue;
        struct diag *x = diags_add(l->d, DIAG_ERROR, ynode_place(&s->file, sender), s->file.source,
                                   "`sender` needs `postal_address`: mail about a topic must show "
                                   "it, and the campaign `%.*s` sends mail about `%.*s`",
                                   STR_FMT(c->name), STR_FMT(send->topic));
        x->hint = S("for example `postal_address: \"1 Long Road, Taipei\"`");
        return;
    }
}

static void load_campaigns(struct load *l) {
    size_t n, taken = 0;
    struct str *files = list_folder(l, S("campaigns"), &n);
    struct campaign_names names = names_of(l);
    const struct campaign **list = ARENA_ARRAY(l->a, const struct campaign *, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct yamlfile file;
        if (!str_ends(files[i], S(".yaml")) && !str_ends(files[i], S(".yml")))
            continue;
        struct str name = str_printf(l->a, "campaigns/%.*s", STR_FMT(files[i]));
        if (!load_file(l, name, &file))
            continue;
        struct campaign *c = ARENA_NEW(l->a, struct campaign);
        campaign_file_read(l->a, &file, &l->w->rules, &names, c, l->d);
        list[taken++] = c;
    }
    campaign_set_build(l->a, &l->w->rules, list, taken, l->d);
    check_postal_address(l);
    behaviour_layouts(l->a, &l->w->rules, &l->w->layouts, &l->w->n_layouts);
}

/* ---- earlier versions */

static const struct campaign *read_version(struct load *l, const struct campaign_names *names,
                                           const struct workspace_version *v) {
    struct yamlfile file;
    struct campaign *c = ARENA_NEW(l->a, struct campaign);
    struct str name = str_printf(l->a, "%.*s@%.*s", STR_FMT(v->campaign), STR_FMT(v->version));
    if (!yamlfile_parse(l->a, name, str_dup(l->a, v->source), &file, l->d))
        return NULL;
    campaign_file_read(l->a, &file, &l->w->rules, names, c, l->d);
    bool same = str_eq(c->id, v->campaign) && str_eq(str_from(c->version), v->version);
    return same && !l->d->errors ? c : NULL;
}

void workspace_add_earlier(struct workspace *w, const struct workspace_version *list, size_t n) {
    struct arena *a = w->arena, *scratch = arena_new(0);
    const struct campaign **earlier = ARENA_ARRAY(a, const struct campaign *, n + 1);
    struct workspace_version *unreadable = ARENA_ARRAY(a, struct workspace_version, n + 1);
    struct diags d;
    struct load l = {.w = w, .a = a, .d = &d};
    struct campaign_names names = names_of(&l);
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (campaign_set_version(&w->rules, list[i].campaign, list[i].version))
            continue;
        diags_init(&d, scratch);
        const struct campaign *c = read_version(&l, &names, &list[i]);
        if (c)
            earlier[found++] = c;
        else
            unreadable[w->n_unreadable++] = (struct workspace_version){
                .campaign = str_dup(a, list[i].campaign), .version = str_dup(a, list[i].version)};
    }
    w->unreadable = unreadable;
    if (found) {
        campaign_set_add_earlier(a, &w->rules, earlier, found);
        behaviour_layouts(a, &w->rules, &w->layouts, &w->n_layouts);
    }
    w->rules.any_later = w->rules.any_later || w->n_unreadable;
    arena_free(scratch);
}

bool workspace_is_unreadable(const struct workspace *w, struct str campaign, struct str version) {
    for (size_t i = 0; i < w->n_unreadable; i++)
        if (str_eq(w->unreadable[i].campaign, campaign) &&
            str_eq(w->unreadable[i].version, version))
            return true;
    return false;
}

/* ---- */

static void count(struct buf *b, size_t n, const char *one, const char *many) {
    buf_printf(b, "%s%zu %s", b->n ? ", " : "", n, n == 1 ? one : many);
}

struct str workspace_summary(struct arena *a, const struct workspace *w) {
    struct buf b = BUF_IN(a);
    count(&b, w->rules.n_campaigns, "campaign", "campaigns");
    count(&b, w->rules.n_segments, "segment", "segments");
    count(&b, w->n_templates, "template", "templates");
    return buf_str(&b);
}
