/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/args.h"

#include <stdarg.h>

static const struct command_option common[] = {
    {"workspace", 'C', "DIR", "the workspace; the current folder by default"},
    {"help", 'h', NULL, "show this page"},
    {0},
};

const char *args_get(const struct args *a, const char *name) {
    const char *found = NULL;
    for (int i = 0; i < a->given; i++)
        if (strcmp(a->option[i].option->name, name) == 0)
            found = a->option[i].value ? a->option[i].value : "";
    return found;
}

const char *args_nth(const struct args *a, const char *name, int nth) {
    for (int i = 0; i < a->given; i++)
        if (strcmp(a->option[i].option->name, name) == 0 && nth-- == 0)
            return a->option[i].value ? a->option[i].value : "";
    return NULL;
}

int args_usage(const struct args *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "godwit %s: ", a->command->name);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\nusage: godwit %s %s\nSee `godwit %s --help`.\n", a->command->name,
            a->command->arguments, a->command->name);
    va_end(ap);
    return EXIT_USAGE;
}

static void print_options(FILE *out, const struct command_option *o) {
    for (; o && o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        fprintf(out, "  %-30s %s\n", left, o->help);
    }
}

void args_help(const struct command *c, FILE *out) {
    fprintf(out, "Usage: godwit %s [OPTIONS]%s%s\n\n%s\n", c->name, *c->arguments ? " " : "",
            c->arguments, c->summary);
    if (c->about)
        fprintf(out, "\n%s\n", c->about);
    fputs("\nOptions:\n", out);
    print_options(out, c->options);
    print_options(out, common);
    fprintf(out, "\nExample:\n%s\n", c->example);
}

static const struct command_option *find(const struct command *c, struct str name, char letter) {
    const struct command_option *lists[] = {c->options, common};
    for (int i = 0; i < 2; i++)
        for (const struct command_option *o = lists[i]; o && o->name; o++)
            if (letter ? o->letter == letter : str_eq(name, str_from(o->name)))
                return o;
    return NULL;
}

static int unknown(const struct args *a, struct str name) {
    struct str names[ARGS_MAX];
    size_t n = 0;
    const struct command_option *lists[] = {a->command->options, common};
    for (int i = 0; i < 2; i++)
        for (const struct command_option *o = lists[i]; o && o->name && n < ARGS_MAX; o++)
            names[n++] = str_from(o->name);
    struct str near = str_nearest(name, names, n);
    if (near.n)
        return args_usage(a, "unknown option --%.*s; did you mean --%.*s?", STR_FMT(name),
                          STR_FMT(near));
    return args_usage(a, "unknown option --%.*s", STR_FMT(name));
}

/* Takes the option at argv[*i]; -1, or the exit status. */
static int take_option(struct args *out, int argc, char **argv, int *i) {
    char *word = argv[*i];
    bool is_long = word[1] == '-';
    char *equals = is_long ? strchr(word, '=') : NULL;
    struct str name =
        is_long ? str_of(word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2))
                : str_of(word + 1, 1);
    const struct command_option *o = find(out->command, name, is_long ? 0 : word[1]);
    if (!o)
        return is_long ? unknown(out, name) : args_usage(out, "unknown option -%c", word[1]);
    if (strcmp(o->name, "help") == 0) {
        args_help(out->command, stdout);
        return EXIT_DONE;
    }
    const char *value = NULL;
    if (!o->value && (equals || (!is_long && word[2])))
        return args_usage(out, "--%s takes no value", o->name);
    if (o->value) {
        value = equals ? equals + 1 : !is_long && word[2] ? word + 2 : NULL;
        if (!value && *i + 1 < argc)
            value = argv[++*i];
        if (!value)
            return args_usage(out, "--%s needs a value (%s)", o->name, o->value);
    }
    if (strcmp(o->name, "workspace") == 0) {
        out->workspace = value;
        return -1;
    }
    if (out->given == ARGS_MAX)
        return args_usage(out, "more than %d options", ARGS_MAX);
    out->option[out->given].option = o;
    out->option[out->given++].value = value;
    return -1;
}

int args_parse(const struct command *c, int argc, char **argv, struct args *out) {
    *out = (struct args){.command = c, .workspace = ".", .positional = argv};
    bool only_arguments = false;
    for (int i = 0; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && argv[i][0] == '-' && argv[i][1]) {
            int status = take_option(out, argc, argv, &i);
            if (status >= 0)
                return status;
        } else {
            argv[out->n++] = argv[i];
        }
    }
    if (out->n < c->least)
        return args_usage(out, c->least == 1 ? "an argument is missing" : "arguments are missing");
    if (c->most >= 0 && out->n > c->most)
        return args_usage(out, "`%s` is one argument too many", out->positional[c->most]);
    return -1;
}
