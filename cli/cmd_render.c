/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/wallclock.h"
#include "cli/command.h"
#include "templates/liquid_parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* One request of the batch, as docs/templates.md describes it. */
static bool parse_all(struct liquid_set *set, const struct map *request,
                      const struct liquid_template **main, struct err *e) {
    const struct value *source = map_get_str(request, S("template"));
    const struct value *partials = map_get_str(request, S("templates"));
    const struct liquid_template *t;
    struct err ignored = ERR_INIT;
    if (!source || source->type != V_STRING)
        return err_set(e, ERR_INPUT, "the request has no `template`");
    if (partials && partials->type == V_MAP)
        for (size_t i = 0; i < partials->u.map->n; i++) {
            const struct map_entry *p = &partials->u.map->e[i];
            /* a malformed one is an error only where it is used */
            if (p->value.type == V_STRING &&
                !liquid_parse(set, value_text(p->key), value_text(p->value), 0, false, &t, &ignored,
                              NULL))
                ignored = ERR_INIT;
        }
    return liquid_parse(set, S(""), value_text(*source), 0, false, main, e, NULL);
}

static bool render(struct arena *a, const struct map *request, struct buf *out, struct err *e) {
    const struct value *strict = map_get_str(request, S("strict"));
    const struct value *data = map_get_str(request, S("data"));
    struct liquid_set *set =
        liquid_set_new(a, strict && strict->type == V_BOOL && strict->u.b, false);
    const struct liquid_template *t;
    struct liquid_params params = {.arena = a,
                                   .data = data && data->type == V_MAP ? data->u.map : NULL,
                                   .now = wallclock_now() / WALLCLOCK_US_PER_S};
    return parse_all(set, request, &t, e) && liquid_render(set, t, &params, out, e, NULL);
}

/* JSON is UTF-8: what base64_decode made of other bytes shows as U+FFFD. */
static struct str as_utf8(struct arena *a, struct str s) {
    struct buf b = BUF_IN(a);
    for (size_t i = 0; i < s.n;) {
        size_t n = str_utf8(str_sub(s, i, s.n), NULL);
        if (n)
            buf_add(&b, s.p + i, n);
        else
            buf_add_str(&b, S("\xef\xbf\xbd"));
        i += n ? n : 1;
    }
    return b.n ? buf_str(&b) : S("");
}

static void answer(struct arena *a, struct str line) {
    struct value request;
    struct err e = ERR_INIT;
    struct buf text = BUF_IN(a), out = BUF_IN(a);
    struct map *m = map_new(a, 2);
    bool ok = json_parse(a, line, &request, &e);
    if (ok && request.type != V_MAP)
        ok = err_set(&e, ERR_INPUT, "a request is a JSON object");
    if (ok) {
        const struct value *id = map_get_str(request.u.map, S("id"));
        map_set_str(a, m, S("id"), id ? *id : VALUE_NULL);
        ok = render(a, request.u.map, &text, &e);
    } else {
        map_set_str(a, m, S("id"), VALUE_NULL);
    }
    struct str result = as_utf8(a, ok ? buf_str(&text) : str_from(e.text));
    map_set_str(a, m, ok ? S("result") : S("error"), value_str(result));
    json_write(&out, value_map(m));
    buf_add_char(&out, '\n');
    fwrite(out.p, 1, out.n, stdout);
}

static int batch(void) {
    struct arena *a = arena_new(64 << 10);
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        struct str s = str_trim(str_of(line, (size_t)n));
        if (s.n)
            answer(a, s);
        fflush(stdout);
        arena_reset(a);
    }
    bool failed = ferror(stdin);
    if (failed)
        perror("godwit render: standard input");
    free(line);
    arena_free(a);
    return failed ? EXIT_WRONG : EXIT_DONE;
}

static int run(const struct args *args) {
    if (!args_get(args, "batch"))
        return args_usage(args, "--batch is missing");
    return batch();
}

static const struct command_option options[] = {
    {"batch", 0, NULL, "read requests from standard input, one JSON object a line"},
    {0},
};

const struct command cmd_render = {
    .name = "render",
    .arguments = "",
    .summary = "Renders Liquid templates from requests on standard input.",
    .about =
        "Each line is an object {\"id\", \"template\", \"data\", \"templates\"?, \"strict\"?};\n"
        "each is answered by one line {\"id\", \"result\"} or {\"id\", \"error\"}, in order.\n"
        "The language is that of the reference implementation: nothing is escaped.",
    .example = "  echo '{\"id\":1,\"template\":\"Hi {{ name }}\",\"data\":{\"name\":\"Ada\"}}' |\n"
               "      godwit render --batch",
    .options = options,
    .run = run,
};
