/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/pages.h"

/* Text for troff: backslashes and dashes escaped, no line taken for a request. */
static void troff(FILE *out, const char *text) {
    bool line_start = true;
    for (const char *p = text; *p; p++) {
        if (line_start && (*p == '.' || *p == '\''))
            fputs("\\&", out);
        if (*p == '\\')
            fputs("\\e", out);
        else if (*p == '-')
            fputs("\\-", out);
        else
            fputc(*p, out);
        line_start = *p == '\n';
    }
}

static void man_option(FILE *out, const struct command_option *o) {
    fputs(".TP\n\\fB", out);
    if (o->letter)
        fprintf(out, "\\-%c\\fR, \\fB", o->letter);
    fputs("\\-\\-", out);
    troff(out, o->name);
    fputs("\\fR", out);
    if (o->value) {
        fputs(" \\fI", out);
        troff(out, o->value);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    troff(out, o->help);
    fputc('\n', out);
}

static void man_command(FILE *out, const struct command *c) {
    fprintf(out, ".SS \"godwit %s ", c->name);
    for (const char *p = c->arguments; *p; p++) /* a quote would end the heading */
        fputs(*p == '"' ? "\\(dq" : (char[]){*p, 0}, out);
    fputs("\"\n", out);
    troff(out, c->summary);
    fputc('\n', out);
    if (c->about) {
        fputs(".PP\n", out);
        troff(out, c->about);
        fputc('\n', out);
    }
    for (const struct command_option *o = c->options; o && o->name; o++)
        man_option(out, o);
    fputs(".PP\nExample:\n.PP\n.nf\n", out);
    troff(out, c->example);
    fputs("\n.fi\n", out);
}

void pages_man(FILE *out, const struct command *const *commands, size_t n) {
    fputs(".TH GODWIT 1 \"\" \"godwit " PACKAGE_VERSION "\" \"User Commands\"\n"
          ".SH NAME\ngodwit \\- marketing automation and campaign dispatch\n"
          ".SH SYNOPSIS\n.B godwit\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR] ...\n"
          ".SH DESCRIPTION\nGodwit watches what customers do, decides who should hear from you and "
          "when, sends it,\nand shows what came of it. A workspace is a folder of YAML files and "
          "templates.\n"
          ".PP\nEach command takes \\fB\\-C\\fR, \\fB\\-\\-workspace\\fR \\fIDIR\\fR (the current "
          "folder by default)\nand \\fB\\-h\\fR, \\fB\\-\\-help\\fR.\n.SH COMMANDS\n",
          out);
    for (size_t i = 0; i < n; i++)
        man_command(out, commands[i]);
    fputs(".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nthe input or the world is wrong; standard error "
          "says what\n.TP\n2\nwrong usage\n",
          out);
}

static void completion_case(FILE *out, const struct command *c) {
    fprintf(out, "    %s) words=\"--workspace --help", c->name);
    for (const struct command_option *o = c->options; o && o->name; o++)
        fprintf(out, " --%s", o->name);
    fputs("\" ;;\n", out);
}

void pages_completion(FILE *out, const struct command *const *commands, size_t n) {
    fputs("# bash completion for godwit, made when it was built\n"
          "_godwit() {\n    local words word=${COMP_WORDS[COMP_CWORD]}\n"
          "    case ${COMP_CWORD}:${COMP_WORDS[1]} in\n    1:*) words=\"help",
          out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, " %s", commands[i]->name);
    fputs("\" ;;\n    *) case ${COMP_WORDS[1]} in\n", out);
    for (size_t i = 0; i < n; i++)
        completion_case(out, commands[i]);
    fputs("    esac ;;\n    esac\n"
          "    COMPREPLY=()\n    if [[ $COMP_CWORD == 1 || $word == -* ]]; then\n"
          "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n    fi\n}\n"
          "complete -o default -F _godwit godwit\n",
          out);
}
