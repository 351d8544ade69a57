/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/yamlfile.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#define MAX_FILE (1u << 20)
#define MAX_DEPTH 64

struct reader {
    struct arena *a;
    struct yamlfile *file;
    struct diags *d;
    yaml_parser_t parser;
    yaml_event_t event;
    bool failed; /* libyaml has given up: no more events */
};

static struct place place_of(const struct reader *r, yaml_mark_t m, int length) {
    return (struct place){r->file->name, (int)m.line + 1, (int)m.column + 1, length};
}

static struct diag *complain(struct reader *r, yaml_mark_t m, const char *text) {
    return diags_add(r->d, DIAG_ERROR, place_of(r, m, 1), r->file->source, "%s", text);
}

/* Where a byte of the source stands; the text before it is valid. */
static struct place place_of_byte(const struct reader *r, size_t offset) {
    struct place at = {r->file->name, 1, 1, 1};
    for (size_t i = 0; i < offset && i < r->file->source.n; i++) {
        unsigned char c = (unsigned char)r->file->source.p[i];
        at.column = c == '\n' ? 1 : at.column + ((c & 0xc0) != 0x80);
        at.line += c == '\n';
    }
    return at;
}

static bool indented_by_tab(struct str line) {
    size_t i = 0;
    while (i < line.n && line.p[i] == ' ')
        i++;
    return i < line.n && line.p[i] == '\t';
}

static struct str syntax_hint(const struct reader *r, const struct diag *x) {
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "";
    if (str_find(x->line, S("{{")) >= 0 || str_find(x->line, S("{%")) >= 0)
        return S("put the whole value in quotes: \"{{ ... }}\"");
    if (indented_by_tab(x->line))
        return S("indent with spaces; a tab is not allowed there");
    if (strstr(problem, "cannot start any token"))
        return S("put the value in quotes");
    if (strstr(problem, "mapping values are not allowed"))
        return S("a value that contains `: ` needs quotes around it");
    if (p->context)
        return str_printf(r->a, "%s that began at line %zu, column %zu%s", p->context,
                          p->context_mark.line + 1, p->context_mark.column + 1,
                          strstr(p->context, "block") ? "; is the indentation right?" : "");
    return STR_NONE;
}

static void syntax_error(struct reader *r) {
    const yaml_parser_t *p = &r->parser;
    r->failed = true;
    if (p->error == YAML_READER_ERROR) {
        diags_add(r->d, DIAG_ERROR, place_of_byte(r, p->problem_offset), r->file->source,
                  "this is not plain UTF-8 text: %s", p->problem ? p->problem : "unreadable byte");
        return;
    }
    const struct diag *last = r->d->n ? &r->d->list[r->d->n - 1] : NULL;
    if (last && last->severity == DIAG_ERROR && str_eq(last->place.file, r->file->name) &&
        last->place.line == (int)p->problem_mark.line + 1)
        return; /* the consequence of what was said about this line already */
    struct diag *x = complain(r, p->problem_mark, p->problem ? p->problem : "broken YAML");
    x->hint = syntax_hint(r, x);
}

/* The next event, with anchors and tags refused; false when there is none. */
static bool next(struct reader *r) {
    yaml_event_delete(&r->event);
    if (r->failed)
        return false;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        syntax_error(r);
        return false;
    }
    const yaml_event_t *ev = &r->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (ev->type == YAML_SCALAR_EVENT) {
        anchor = ev->data.scalar.anchor;
        tag = ev->data.scalar.tag;
    } else if (ev->type == YAML_SEQUENCE_START_EVENT) {
        anchor = ev->data.sequence_start.anchor;
        tag = ev->data.sequence_start.tag;
    } else if (ev->type == YAML_MAPPING_START_EVENT) {
        anchor = ev->data.mapping_start.anchor;
        tag = ev->data.mapping_start.tag;
    }
    if (anchor)
        complain(r, ev->start_mark,
                 "anchors (&name) are not allowed here; a value that begins with & needs quotes");
    if (tag)
        complain(r, ev->start_mark,
                 "tags (!name) are not allowed here; a value that begins with ! needs quotes");
    return true;
}

static struct ynode *node_new(struct reader *r, enum ynode_kind kind) {
    struct ynode *n = ARENA_NEW(r->a, struct ynode);
    const yaml_event_t *ev = &r->event;
    n->kind = kind;
    n->line = (int)ev->start_mark.line + 1;
    n->column = (int)ev->start_mark.column + 1;
    n->length = ev->end_mark.line == ev->start_mark.line
                    ? (int)(ev->end_mark.column - ev->start_mark.column)
                    : 1;
    return n;
}

static struct ynode *read_scalar(struct reader *r) {
    const yaml_event_t *ev = &r->event;
    struct ynode *n = node_new(r, Y_SCALAR);
    n->text = str_dup(r->a, str_of((const char *)ev->data.scalar.value, ev->data.scalar.length));
    n->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    size_t chars = 0;
    for (size_t i = 0; i < n->text.n; i++)
        chars += ((unsigned char)n->text.p[i] & 0xc0) != 0x80;
    bool block = ev->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
                 ev->data.scalar.style == YAML_FOLDED_SCALAR_STYLE;
    n->exact = !block && (size_t)n->length == chars + (n->quoted ? 2 : 0);
    return n;
}

static struct ynode *read_node(struct reader *r, int depth);

static struct ynode *read_list(struct reader *r, int depth) {
    struct ynode *n = node_new(r, Y_LIST);
    n->length = 1;
    size_t cap = 0;
    while (next(r) && r->event.type != YAML_SEQUENCE_END_EVENT) {
        struct ynode *item = read_node(r, depth + 1);
        if (!item)
            continue;
        if (n->n == cap) {
            size_t grown = cap ? cap * 2 : 4;
            n->items = arena_grow(r->a, n->items, cap * sizeof *n->items, grown * sizeof *n->items);
            cap = grown;
        }
        n->items[n->n++] = item;
    }
    return n;
}

static bool is_template_trap(const struct ynode *map) {
    return map->n == 1 && map->pairs[0].key->kind == Y_MAP;
}

/* `seen` maps the keys so far to their lines: a file may hold a hundred thousand. */
static void check_key(struct reader *r, struct map *seen, const struct ynode *key) {
    if (key->kind != Y_SCALAR)
        return;
    const struct value *there = map_get_str(seen, key->text);
    if (there)
        diags_add(r->d, DIAG_ERROR, ynode_place(r->file, key), r->file->source,
                  "`%.*s` is here twice; the first one is at line %d", STR_FMT(key->text),
                  (int)there->u.i);
    else
        map_set_str(r->a, seen, key->text, value_int(key->line));
}

static struct ynode *read_map(struct reader *r, int depth) {
    struct ynode *n = node_new(r, Y_MAP);
    struct map *seen = map_new(r->a, 0);
    n->length = 1;
    size_t cap = 0;
    while (next(r) && r->event.type != YAML_MAPPING_END_EVENT) {
        struct ynode *key = read_node(r, depth + 1);
        if (!next(r))
            break;
        struct ynode *value = read_node(r, depth + 1);
        if (!key || !value)
            continue;
        check_key(r, seen, key);
        if (n->n == cap) {
            size_t grown = cap ? cap * 2 : 4;
            n->pairs = arena_grow(r->a, n->pairs, cap * sizeof *n->pairs, grown * sizeof *n->pairs);
            cap = grown;
        }
        n->pairs[n->n++] = (struct ypair){key, value};
    }
    if (is_template_trap(n)) {
        struct diag *x = diags_add(r->d, DIAG_ERROR, ynode_place(r->file, n), r->file->source,
                                   "YAML takes {{ ... }} without quotes for a map");
        x->hint = S("put the whole value in quotes: \"{{ ... }}\"");
    } else {
        for (size_t i = 0; i < n->n; i++)
            if (n->pairs[i].key->kind != Y_SCALAR)
                diags_add(r->d, DIAG_ERROR, ynode_place(r->file, n->pairs[i].key), r->file->source,
                          "a key must be plain text");
    }
    size_t kept = 0;
    for (size_t i = 0; i < n->n; i++)
        if (n->pairs[i].key->kind == Y_SCALAR)
            n->pairs[kept++] = n->pairs[i];
    n->n = kept;
    return n;
}

/* The node that the current event starts; NULL for what is refused. */
static struct ynode *read_node(struct reader *r, int depth) {
    if (depth >= MAX_DEPTH && r->event.type != YAML_SCALAR_EVENT) {
        complain(r, r->event.start_mark, "nested deeper than 64 levels");
        r->failed = true;
        return NULL;
    }
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(r);
    case YAML_SEQUENCE_START_EVENT:
        return read_list(r, depth);
    case YAML_MAPPING_START_EVENT:
        return read_map(r, depth);
    case YAML_ALIAS_EVENT:
        complain(r, r->event.start_mark,
                 "aliases (*name) are not allowed here; a value that begins with * needs quotes");
        return NULL;
    default:
        return NULL;
    }
}

bool yamlfile_parse(struct arena *a, struct str name, struct str source, struct yamlfile *out,
                    struct diags *d) {
    if (str_starts(source, S("\xef\xbb\xbf"))) /* the mark that some editors put in front */
        source = str_sub(source, 3, source.n);
    *out = (struct yamlfile){.name = name, .source = source};
    struct reader r = {.a = a, .file = out, .d = d};
    size_t errors = d->errors;
    int documents = 0;
    if (!yaml_parser_initialize(&r.parser))
        abort();
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(source.n ? source.p : ""),
                                 source.n);
    while (next(&r) && r.event.type != YAML_STREAM_END_EVENT) {
        if (r.event.type != YAML_DOCUMENT_START_EVENT)
            continue;
        if (++documents == 2) {
            complain(&r, r.event.start_mark,
                     "a second document (---) in one file; only one is read");
            break;
        }
        if (next(&r) && r.event.type != YAML_DOCUMENT_END_EVENT)
            out->root = read_node(&r, 0);
    }
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return d->errors == errors;
}

/* Reads at most a little over MAX_FILE; false with errno when it cannot be read. */
static bool slurp(int fd, struct buf *b) {
    while (b->n <= MAX_FILE) {
        ssize_t got = read(fd, buf_reserve(b, 65536), 65536);
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
        b->n += got > 0 ? (size_t)got : 0;
    }
    return true;
}

bool yamlfile_load(struct arena *a, const char *path, struct str name, struct yamlfile *out,
                   struct diags *d) {
    struct place whole = {.file = name};
    struct buf b = BUF_IN(a);
    struct stat st = {0};
    *out = (struct yamlfile){.name = name};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
    bool is_file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    bool ok = is_file && slurp(fd, &b);
    if (fd >= 0 && !is_file)
        diags_add(d, DIAG_ERROR, whole, STR_NONE, "is not a regular file");
    else if (!ok)
        diags_add(d, DIAG_ERROR, whole, STR_NONE, "cannot be read: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    if (ok && b.n > MAX_FILE) {
        diags_add(d, DIAG_ERROR, whole, STR_NONE, "is larger than 1 MiB; split it up");
        ok = false;
    }
    return ok && yamlfile_parse(a, name, buf_str(&b), out, d);
}

struct ynode *ynode_get(const struct ynode *map, struct str key) {
    if (!map || map->kind != Y_MAP)
        return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (map->pairs[i].key->kind == Y_SCALAR && str_eq(map->pairs[i].key->text, key))
            return map->pairs[i].value;
    return NULL;
}

struct place ynode_place(const struct yamlfile *f, const struct ynode *node) {
    return (struct place){f->name, node->line, node->column, node->length};
}

/* Walks the text of a scalar and its characters in the file side by side. */
struct walk {
    struct str source;
    size_t at; /* in the source */
    int line, column;
    char style; /* ' " | > or 0 for plain */
};

static void step(struct walk *w) {
    unsigned char c = (unsigned char)w->source.p[w->at++];
    if (c == '\n') {
        w->line++;
        w->column = 1;
    } else if (w->at >= w->source.n || ((unsigned char)w->source.p[w->at] & 0xc0) != 0x80) {
        w->column++;
    }
}

static char here(const struct walk *w) {
    return w->at < w->source.n ? w->source.p[w->at] : '\0';
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void walk_init(struct walk *w, const struct yamlfile *f, const struct ynode *node) {
    *w = (struct walk){.source = f->source, .line = 1, .column = 1};
    while (w->at < w->source.n &&
           (w->line < node->line || (w->line == node->line && w->column < node->column)))
        step(w);
    char c = here(w);
    if (!node->quoted || !c || !strchr("'\"|>", c))
        return;
    w->style = c;
    step(w);
    if (c == '|' || c == '>') {
        while (w->at < w->source.n && here(w) != '\n')
            step(w);
        while (is_blank(here(w)))
            step(w);
    }
}

/* Moves past what one character of the text stands for in the file. */
static void walk_char(struct walk *w, char c) {
    char s = here(w);
    if (w->style == '"' && s == '\\') {
        step(w);
        int digits = here(w) == 'x' ? 2 : here(w) == 'u' ? 4 : here(w) == 'U' ? 8 : 0;
        for (int i = 0; i <= digits && w->at < w->source.n; i++)
            step(w);
    } else if (is_blank(c) && (c != s || s == '\n')) {
        /* an end of line takes the indentation behind it along, and all empty lines */
        while (is_blank(here(w)))
            step(w);
    } else if (w->style == '\'' && s == '\'' && c == '\'') {
        step(w);
        if (here(w) == '\'')
            step(w);
    } else if (w->at < w->source.n) {
        step(w);
    }
}

struct place ynode_place_at(const struct yamlfile *f, const struct ynode *node, size_t offset,
                            int length) {
    if (node->kind != Y_SCALAR)
        return ynode_place(f, node);
    struct walk w;
    walk_init(&w, f, node);
    for (size_t i = 0; i < offset && i < node->text.n; i++) {
        bool inside = i > 0 && ((unsigned char)node->text.p[i] & 0xc0) == 0x80;
        bool escaped = inside && w.at < w.source.n && ((unsigned char)here(&w) & 0xc0) != 0x80;
        if (!escaped) /* else: \u00e9 stood for all bytes of this character */
            walk_char(&w, node->text.p[i]);
    }
    return (struct place){f->name, w.line, w.column, length};
}

static bool is_any(struct str s, const char *const *names) {
    for (; *names; names++)
        if (str_eq(s, str_from(*names)))
            return true;
    return false;
}

static struct value plain_value(struct str s) {
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    int64_t i;
    double d;
    if (is_any(s, nulls))
        return VALUE_NULL;
    if (is_any(s, yes) || is_any(s, no))
        return value_bool(is_any(s, yes));
    if (s.p[0] == '+')
        return value_str(s);
    if (str_to_int64(s, &i))
        return value_int(i);
    if (str_to_double(s, &d))
        return value_double(d);
    return value_str(s);
}

struct value ynode_value(struct arena *a, const struct ynode *n) {
    if (!n)
        return VALUE_NULL;
    if (n->kind == Y_SCALAR)
        return n->quoted ? value_str(n->text) : plain_value(n->text);
    if (n->kind == Y_LIST) {
        struct list *l = list_new(a, n->n);
        for (size_t i = 0; i < n->n; i++)
            list_add(a, l, ynode_value(a, n->items[i]));
        return value_list(l);
    }
    struct map *m = map_new(a, n->n);
    for (size_t i = 0; i < n->n; i++)
        map_set_str(a, m, n->pairs[i].key->text, ynode_value(a, n->pairs[i].value));
    return value_map(m);
}
