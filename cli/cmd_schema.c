/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/test_file.h"
#include "engine/settings.h"
#include "rules/campaign_file.h"
#include "rules/catalog.h"
#include "rules/form.h"
#include "rules/segment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The files of a workspace; one line each. */
static const struct {
    const char *name, *title;
    const struct form *form;
    enum form_shape shape;
} schemas[] = {
    {"godwit", "godwit.yaml", &settings_form, FORM_ONE},
    {"catalog", "catalog.yaml", &catalog_form, FORM_ONE},
    {"segments", "segments.yaml", &segment_form, FORM_MAP_OF},
    {"campaign", "campaigns/*.yaml", &campaign_file_form, FORM_ONE},
    {"test", "tests/*.test.yaml", &test_file_form, FORM_LIST_OF},
};
#define SCHEMAS (sizeof schemas / sizeof *schemas)

static struct str schema_text(struct arena *a, size_t i) {
    struct buf raw = BUF_IN(a), out = BUF_IN(a);
    struct value v;
    struct err e = ERR_INIT;
    form_schema(&raw, schemas[i].form, schemas[i].title, schemas[i].shape);
    if (!json_parse(a, buf_str(&raw), &v, &e))
        return buf_str(&raw); /* cannot be: the tests read every one of them */
    json_write_pretty(&out, v);
    return buf_str(&out);
}

static int print_one(struct arena *a, const struct args *args, const char *name) {
    struct str names[SCHEMAS];
    for (size_t i = 0; i < SCHEMAS; i++) {
        names[i] = str_from(schemas[i].name);
        if (strcmp(name, schemas[i].name) != 0 && strcmp(name, schemas[i].title) != 0)
            continue;
        printf("%.*s\n", STR_FMT(schema_text(a, i)));
        return EXIT_DONE;
    }
    struct str near = str_nearest(str_from(name), names, SCHEMAS);
    return near.n ? args_usage(args, "there is no schema `%s`; did you mean `%.*s`?", name,
                               STR_FMT(near))
                  : args_usage(args, "there is no schema `%s`", name);
}

static void print_all(struct arena *a) {
    for (size_t i = 0; i < SCHEMAS; i++)
        printf("%s\"%s\": %.*s", i ? ",\n" : "{", schemas[i].name, STR_FMT(schema_text(a, i)));
    puts("}");
}

static bool write_all(struct arena *a, const char *folder) {
    for (size_t i = 0; i < SCHEMAS; i++) {
        const char *path = str_printf(a, "%s/%s.schema.json", folder, schemas[i].name).p;
        struct str text = schema_text(a, i);
        FILE *f = fopen(path, "wb");
        bool good = f && fwrite(text.p, 1, text.n, f) == text.n && fputc('\n', f) != EOF;
        int why = errno;
        if (f && fclose(f) != 0)
            good = false;
        if (!good) {
            fprintf(stderr, "godwit schema: %s cannot be written: %s\n", path, strerror(why));
            return false;
        }
    }
    return true;
}

static int run_schema(const struct args *args) {
    struct arena *a = arena_new(0);
    const char *folder = args_get(args, "out");
    int status = EXIT_DONE;
    if (folder)
        status = write_all(a, folder) ? EXIT_DONE : EXIT_WRONG;
    else if (args->n == 1)
        status = print_one(a, args, args->positional[0]);
    else
        print_all(a);
    arena_free(a);
    return status;
}

const struct command cmd_schema = {
    .name = "schema",
    .arguments = "[godwit|catalog|segments|campaign|test]",
    .summary = "Prints JSON Schemas of the files, for editors.",
    .about =
        "An editor that knows the schema of a file completes its keys and underlines mistakes\n"
        "while you type. Without an argument all of them are printed, in one JSON object.",
    .example = "  godwit schema --out .godwit\n"
               "  # first line of a campaign, for editors with a YAML language server:\n"
               "  # yaml-language-server: $schema=../.godwit/campaign.schema.json",
    .options =
        (const struct command_option[]){
            {"out", 0, "DIR", "write NAME.schema.json for each file into DIR"},
            {0},
        },
    .most = 1,
    .run = run_schema,
};
