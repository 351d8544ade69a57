/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/metrics.h"

#include <stdio.h>
#include <unistd.h>

static void head(struct buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_counter(struct buf *out, const char *name, const char *help) {
    head(out, name, "counter", help);
}

void metrics_gauge(struct buf *out, const char *name, const char *help) {
    head(out, name, "gauge", help);
}

void metrics_sample(struct buf *out, const char *name, const char *labels, double value) {
    char text[STR_DOUBLE_MAX];
    struct str number = str_from_double(value, text);
    if (labels)
        buf_printf(out, "%s{%s} %.*s\n", name, labels, STR_FMT(number));
    else
        buf_printf(out, "%s %.*s\n", name, STR_FMT(number));
}

void metrics_count(struct buf *out, const char *name, const char *help, double value) {
    metrics_counter(out, name, help);
    metrics_sample(out, name, NULL, value);
}

void metrics_value(struct buf *out, const char *name, const char *help, double value) {
    metrics_gauge(out, name, help);
    metrics_sample(out, name, NULL, value);
}

/* The second number of /proc/self/statm; 0 where there is none. */
static double resident_bytes(void) {
    char text[128];
    int64_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    if (f)
        fclose(f);
    struct str rest = str_of(text, n), word;
    if (!str_split(&rest, ' ', &word) || !str_split(&rest, ' ', &word) ||
        !str_to_int64(word, &pages))
        return 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

void metrics_process(struct buf *out, int64_t started_us) {
    metrics_gauge(out, "godwit_build_info", "The version that runs.");
    metrics_sample(out, "godwit_build_info", "version=\"" PACKAGE_VERSION "\"", 1);
    metrics_value(out, "process_start_time_seconds", "When it started, in seconds since 1970.",
                  (double)started_us / 1e6);
    metrics_value(out, "process_resident_memory_bytes", "Memory in use.", resident_bytes());
}
