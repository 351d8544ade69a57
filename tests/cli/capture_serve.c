/* SPDX-License-Identifier: Apache-2.0
 *
 * capture_serve FOLDER [IDLE_MS]: the capture server by itself, for tests/cli/capture.py: prints
 * its port, then a line for each mail, until standard input ends. */
#include "config.h"

#include "cli/capture.h"

#include <inttypes.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct capture *capture;

static void on_mail(void *ctx, const struct capture_mail *m) {
    (void)ctx;
    printf("%.*s\t%zu\t%.*s\t%.*s\t%zu\t%.*s\n", STR_FMT(m->to), m->others, STR_FMT(m->subject),
           STR_FMT(m->campaign), m->bytes, STR_FMT(m->path));
    fflush(stdout);
}

static void on_closed(void *ctx) {
    (void)ctx;
}

static void on_stdin(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    uv_close((uv_handle_t *)poll, NULL);
    capture_close(capture, on_closed, NULL);
}

int main(int argc, char **argv) {
    uv_loop_t loop;
    uv_poll_t poll;
    struct err e = ERR_INIT;
    setlocale(LC_CTYPE, "C.UTF-8");
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2 || uv_loop_init(&loop) != 0)
        return 2;
    struct capture_options o = {.folder = argv[1],
                                .idle_ms = argc > 2 ? strtoull(argv[2], NULL, 10) : CAPTURE_IDLE_MS,
                                .on_mail = on_mail};
    capture = capture_open(&loop, &o, &e);
    if (!capture) {
        fprintf(stderr, "%s\n", e.text);
        uv_run(&loop, UV_RUN_DEFAULT);
        return 1;
    }
    printf("%d\n", capture_port(capture));
    fflush(stdout);
    uv_poll_init(&loop, &poll, STDIN_FILENO);
    uv_poll_start(&poll, UV_READABLE, on_stdin);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 1;
}
