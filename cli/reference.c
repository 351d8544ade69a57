/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/reference.h"

#include "base/arena.h"
#include "cli/test_file.h"
#include "engine/settings.h"
#include "rules/campaign_file.h"
#include "rules/campaign_steps.h"
#include "rules/catalog.h"
#include "rules/cel.h"
#include "rules/form.h"
#include "rules/own_events.h"
#include "rules/segment.h"
#include "templates/filter_list.h"

#include <inttypes.h>
#include <string.h>

/* Text in a cell of a table: one line, and no bar that would end the cell. */
static void cell(FILE *out, const char *text) {
    for (const char *p = text; p && *p; p++) {
        if (*p == '|')
            fputs("\\|", out);
        else
            fputc(*p == '\n' ? ' ' : *p, out);
    }
}

/* ---- commands */

static void write_command(FILE *out, const struct command *c) {
    fprintf(out, "\n### godwit %s\n\n`godwit %s%s%s`\n\n%s\n", c->name, c->name,
            c->arguments[0] ? " " : "", c->arguments, c->summary);
    if (c->about)
        fprintf(out, "%s\n", c->about);
    if (c->options && c->options->name)
        fputs("\n| option | |\n| --- | --- |\n", out);
    for (const struct command_option *o = c->options; o && o->name; o++) {
        fprintf(out, "| `--%s%s", o->name, o->value ? " " : "");
        cell(out, o->value);
        fputc('`', out);
        if (o->letter)
            fprintf(out, ", `-%c`", o->letter);
        fputs(" | ", out);
        cell(out, o->help);
        fputs(" |\n", out);
    }
    if (c->example)
        fprintf(out, "\n```\n%s\n```\n", c->example);
}

/* ---- files */

static const char *type_of(const struct form_field *f) {
    static const char *const types[] = {
        [FORM_TEXT] = "text",      [FORM_NAME] = "name", [FORM_INT] = "whole number",
        [FORM_BOOL] = "yes or no", [FORM_SPAN] = "span",
    };
    if (f->type == FORM_SUB || f->type == FORM_CUSTOM)
        return f->sub && f->shape == FORM_MAP_OF    ? "map, by name"
               : f->sub && f->shape == FORM_LIST_OF ? "list"
               : f->sub                             ? "map"
                                                    : "";
    return types[f->type];
}

static void write_type(FILE *out, const struct form_field *f) {
    if (f->type != FORM_CHOICE) {
        fputs(type_of(f), out);
        if (f->type == FORM_INT && (f->least || f->most))
            fprintf(out, ", %" PRId64 " to %" PRId64, f->least, f->most);
        return;
    }
    for (size_t i = 0; f->choices[i]; i++)
        fprintf(out, "%s`%s`", i ? ", " : "", f->choices[i]);
}

/* The form that is written, and those around it: steps stand in steps. */
struct inside {
    const struct form *form;
    const struct inside *around;
};

static bool is_around(const struct inside *x, const struct form *form) {
    while (x && x->form != form)
        x = x->around;
    return x != NULL;
}

static void write_fields(FILE *out, const struct form *form, const char *prefix,
                         const struct inside *around) {
    const struct inside here = {form, around};
    for (const struct form_field *f = form->fields; f->key; f++) {
        char path[200];
        snprintf(path, sizeof path, "%s%s", prefix, f->key);
        fprintf(out, "| `%s`%s | ", path, f->required ? " (required)" : "");
        write_type(out, f);
        fputs(" | ", out);
        cell(out, f->help);
        if (f->example) {
            const char *tick = strchr(f->example, '`') ? "" : "`";
            fprintf(out, "; %s", tick);
            cell(out, f->example);
            fputs(tick, out);
        }
        fputs(" |\n", out);
        if (!f->sub || is_around(&here, f->sub))
            continue;
        char inner[220];
        snprintf(inner, sizeof inner, "%s%s", path,
                 f->shape == FORM_MAP_OF    ? ".NAME."
                 : f->shape == FORM_LIST_OF ? "[]."
                                            : ".");
        write_fields(out, f->sub, inner, &here);
    }
}

static void write_file(FILE *out, const char *title, const struct form *form, const char *prefix) {
    fprintf(out, "\n### %s\n\n%s.\n\n| key | value | |\n| --- | --- | --- |\n", title, form->help);
    write_fields(out, form, prefix, NULL);
}

/* ---- functions and filters */

static void write_functions(FILE *out) {
    struct arena *a = arena_new(0);
    size_t n;
    fputs("\n## Functions of conditions\n\nWhat the customer did (the last argument may be a "
          "condition over "
          "`it`, the past event):\n\n",
          out);
    for (size_t i = 0; cel_behaviour_form(i); i++)
        fprintf(out, "- `%s`\n", cel_behaviour_form(i));
    fputs("\nAll others; what they mean is in conditions.md:\n\n", out);
    const struct str *list = cel_functions_list(a, &n);
    for (size_t i = 0; i < n; i++)
        if (list[i].p[0] != '@') /* of the compiler's own */
            fprintf(out, "- `%.*s`\n", STR_FMT(list[i]));
    arena_free(a);
}

static void write_events(FILE *out) {
    const struct catalog_event *e;
    fputs(
        "\n## Events that Godwit records\n\nCampaigns can start with them, conditions look back on "
        "them, without a line in catalog.yaml.\n\n"
        "| event | | properties |\n| --- | --- | --- |\n",
        out);
    for (size_t i = 0; (e = own_events_at(i)); i++) {
        fprintf(out, "| `%.*s` | %.*s | ", STR_FMT(e->name), STR_FMT(e->description));
        for (size_t k = 0; k < e->n_properties; k++)
            fprintf(out, "%s`%.*s` (%s)", k ? ", " : "", STR_FMT(e->properties[k].name),
                    catalog_type_name(e->properties[k].type));
        fputs(" |\n", out);
    }
}

static void write_filters(FILE *out) {
    fputs("\n## Filters of templates\n\nThose marked * are Godwit's own.\n\n"
          "| filter | values | gives |\n| --- | --- | --- |\n",
          out);
    struct filter_list_entry f;
    for (size_t i = 0; filter_list_at(i, &f); i++) {
        fprintf(out, "| `%.*s`%s | %u", STR_FMT(f.name), f.ours ? " *" : "", f.least);
        if (f.most != f.least)
            fprintf(out, " to %u", f.most);
        fputs(" | ", out);
        cell(out, f.help);
        fputs(" |\n", out);
    }
}

void reference_write(FILE *out, const struct command *const *commands, size_t n) {
    fputs("# Reference\n\nMade by `make reference` from the tables of the program; do not edit. "
          "What it is all for is in\n[marketer.md](marketer.md), [conditions.md](conditions.md), "
          "[templates.md](templates.md), [operator.md](operator.md).\n\n"
          "## Commands\n\nEach takes `-C DIR` (`--workspace`), the current folder by default, and "
          "`-h` (`--help`).\n",
          out);
    for (size_t i = 0; i < n; i++)
        write_command(out, commands[i]);
    fputs("\n## Files of a workspace\n", out);
    write_file(out, "godwit.yaml", &settings_form, "");
    write_file(out, "catalog.yaml", &catalog_form, "");
    write_file(out, "segments.yaml", &segment_form, "NAME.");
    write_file(out, "campaigns/*.yaml", &campaign_file_form, "");
    write_file(out, "tests/*.test.yaml", &test_file_form, "[].");
    write_events(out);
    write_functions(out);
    write_filters(out);
}
