/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/args.h"
#include "cli/pages.h"
#include "cli/reference.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES 8192

static int run_version(const struct args *args) {
    (void)args;
    puts("godwit " PACKAGE_VERSION);
    return EXIT_DONE;
}

static const struct command cmd_version = {
    .name = "version",
    .arguments = "",
    .summary = "Prints the version.",
    .example = "  godwit version",
    .run = run_version,
};

extern const struct command cmd_catalog;
extern const struct command cmd_check;
extern const struct command cmd_db;
extern const struct command cmd_dev;
extern const struct command cmd_doubt;
extern const struct command cmd_eval;
extern const struct command cmd_explain;
extern const struct command cmd_export;
extern const struct command cmd_forget;
extern const struct command cmd_import;
extern const struct command cmd_inbound;
extern const struct command cmd_init;
extern const struct command cmd_keys;
extern const struct command cmd_log;
extern const struct command cmd_message;
extern const struct command cmd_pause;
extern const struct command cmd_plan;
extern const struct command cmd_simulate;
extern const struct command cmd_preview;
extern const struct command cmd_render;
extern const struct command cmd_report;
extern const struct command cmd_resume;
extern const struct command cmd_run;
extern const struct command cmd_schema;
extern const struct command cmd_segment;
extern const struct command cmd_send;
extern const struct command cmd_send_test;
extern const struct command cmd_status;
extern const struct command cmd_stop_all;
extern const struct command cmd_suppress;
extern const struct command cmd_test;

/* In the order of the help page: a newcomer's path first. One line a command. */
/* clang-format off */
static const struct command *const commands[] = {
    &cmd_init,
    &cmd_check,
    &cmd_test,
    &cmd_preview,
    &cmd_dev,
    &cmd_db,
    &cmd_import,
    &cmd_plan,
    &cmd_simulate,
    &cmd_send_test,
    &cmd_send,
    &cmd_run,
    &cmd_status,
    &cmd_pause,
    &cmd_resume,
    &cmd_stop_all,
    &cmd_report,
    &cmd_explain,
    &cmd_log,
    &cmd_segment,
    &cmd_catalog,
    &cmd_message,
    &cmd_doubt,
    &cmd_inbound,
    &cmd_keys,
    &cmd_suppress,
    &cmd_forget,
    &cmd_export,
    &cmd_eval,
    &cmd_render,
    &cmd_schema,
    &cmd_version,
};
/* clang-format on */
#define COMMANDS (sizeof commands / sizeof *commands)

static void help(FILE *out) {
    fputs("Godwit watches what customers do, decides who should hear from you and when, sends it,\n"
          "and shows what came of it.\n\nUsage: godwit COMMAND [OPTIONS] ...\n\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    fputs(
        "\n`godwit COMMAND --help` tells the rest, with an example; -C DIR names the workspace.\n",
        out);
}

static int unknown(const char *name) {
    struct str names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = str_from(commands[i]->name);
    struct str near = str_nearest(str_from(name), names, COMMANDS);
    fprintf(stderr, "godwit: there is no command `%s`", name);
    if (near.n)
        fprintf(stderr, "; did you mean `%.*s`?", STR_FMT(near));
    fputs("\nSee `godwit --help`.\n", stderr);
    return EXIT_USAGE;
}

/* A socket that got the number of a closed standard stream would be written to as if it were
 * the terminal. For reading: so writing to standard output fails and is said. */
static void open_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            abort();
}

/* Many systems allow 1,024 files at first and far more on demand: clients and mail servers may be
 * more than that. */
static void raise_file_limit(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= FILES)
        return;
    files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
    setrlimit(RLIMIT_NOFILE, &files); /* what is refused stays as it was, and is enough for most */
}

/* `godwit -C DIR COMMAND ...` is `godwit COMMAND -C DIR ...`: moves the command's name forward. */
static void put_command_first(int argc, char **argv) {
    const char *word = argv[1];
    bool one = (strncmp(word, "-C", 2) == 0 && word[2]) || strncmp(word, "--workspace=", 12) == 0;
    bool two = strcmp(word, "-C") == 0 || strcmp(word, "--workspace") == 0;
    int at = one ? 2 : 3;
    if (!(one || two) || argc <= at)
        return;
    char *name = argv[at];
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
    argv[1] = name;
}

static const struct command *find(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i];
    return NULL;
}

static int run(const struct command *c, int argc, char **argv) {
    struct args args;
    int status = args_parse(c, argc, argv, &args);
    if (status < 0)
        status = c->run(&args);
    if (fflush(stdout) != 0 && status == EXIT_DONE) {
        perror("godwit: standard output");
        status = EXIT_WRONG;
    }
    return c->failure && (status == EXIT_WRONG || status == EXIT_USAGE) ? c->failure : status;
}

static int help_on(const char *name) {
    const struct command *c = find(name);
    if (!c)
        return unknown(name);
    args_help(c, stdout);
    return EXIT_DONE;
}

int main(int argc, char **argv) {
    open_streams();
    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    put_command_first(argc, argv);
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 && argc > 2)
        return help_on(argv[2]);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0)
        return run_version(NULL);
    if (strcmp(name, "--man") == 0 || strcmp(name, "--bash-completion") == 0) { /* for the build */
        (name[2] == 'm' ? pages_man : pages_completion)(stdout, commands, COMMANDS);
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_WRONG;
    }
    if (strcmp(name, "--reference") == 0) { /* make reference */
        reference_write(stdout, commands, COMMANDS);
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_WRONG;
    }
    const struct command *c = find(name);
    return c ? run(c, argc - 2, argv + 2) : unknown(name);
}
