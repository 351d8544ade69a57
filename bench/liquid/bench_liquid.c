/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_liquid TEMPLATE DATA SECONDS: renders a template parsed once, again and
 * again; prints "renders per second" on standard error, one text on standard output.
 */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/wallclock.h"
#include "templates/liquid_parse.h"

#include <stdio.h>
#include <stdlib.h>

static struct str read_all(struct arena *a, const char *path) {
    struct buf b = BUF_IN(a);
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    for (int c; (c = fgetc(f)) != EOF;)
        buf_add_char(&b, (char)c);
    fclose(f);
    return buf_str(&b);
}

int main(int argc, char **argv) {
    struct arena *a = arena_new(0), *each = arena_new(0);
    struct liquid_set *set = liquid_set_new(a, false, false);
    const struct liquid_template *t;
    struct value data;
    struct err e = ERR_INIT;
    struct buf out = BUF_HEAP;
    if (argc != 4)
        return EXIT_FAILURE;
    if (!liquid_parse(set, S("bench"), read_all(a, argv[1]), 0, false, &t, &e, NULL) ||
        !json_parse(a, read_all(a, argv[2]), &data, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return EXIT_FAILURE;
    }
    struct liquid_params p = {.arena = each, .data = data.u.map};
    int64_t from = wallclock_now(), until = from + (int64_t)(strtod(argv[3], NULL) * 1e6),
            now = from;
    long n = 0;
    for (; now < until; now = wallclock_now())
        for (int i = 0; i < 500; i++, n++) {
            buf_clear(&out);
            arena_reset(each);
            if (!liquid_render(set, t, &p, &out, &e, NULL)) {
                fprintf(stderr, "%s\n", e.text);
                return EXIT_FAILURE;
            }
        }
    fprintf(stderr, "%.0f\n", (double)n * 1e6 / (double)(now - from));
    fwrite(out.p, 1, out.n, stdout);
    buf_close(&out);
    arena_free(each);
    arena_free(a);
    return EXIT_SUCCESS;
}
