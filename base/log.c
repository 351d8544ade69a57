/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/log.h"

#include "base/json.h"
#include "base/wallclock.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_VALUE 2000u /* bytes of one value */

static enum log_level least_level = LOG_INFO;
static enum log_format format = LOG_LOGFMT;
static bool to_journal;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* systemd says in JOURNAL_STREAM which device and inode its stream is; the variable
 * alone proves nothing, since children with a redirected standard error inherit it. */
static bool stderr_is_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char own[64];
    if (!stream || fstat(STDERR_FILENO, &st) != 0)
        return false;
    snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, own) == 0;
}

void log_setup(enum log_level least, enum log_format how) {
    least_level = least;
    format = how;
    to_journal = stderr_is_journal();
}

bool log_level_parse(struct str name, enum log_level *out) {
    for (int i = 0; i < 4; i++)
        if (str_eq(name, str_from(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

bool log_enabled(enum log_level level) {
    return level >= least_level;
}

/* Whether logfmt needs no quotes; anything beyond ASCII is quoted, so that what
 * looks like white space or an end of line somewhere cannot split a value. */
static bool plain(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7f)
            return false;
    }
    return s.n > 0;
}

static void add_text(struct buf *b, struct str s) {
    struct str shown = str_sub(s, 0, MAX_VALUE);
    while (shown.n < s.n && shown.n && ((unsigned char)s.p[shown.n] & 0xc0) == 0x80)
        shown.n--;
    if (format == LOG_LOGFMT && plain(s) && shown.n == s.n) {
        buf_add_str(b, s);
        return;
    }
    json_write_string(b, shown); /* logfmt quotes as JSON does */
    if (shown.n < s.n) {
        b->n--;
        buf_add_str(b, S("...\""));
    }
}

static void add_double(struct buf *b, double d) {
    char text[STR_DOUBLE_MAX];
    buf_add_str(b, isfinite(d) ? str_from_double(d, text) : S("null"));
}

static void add_field(struct buf *b, const struct log_field *f) {
    if (format == LOG_JSON) {
        buf_add_char(b, ',');
        json_write_string(b, str_from(f->key));
        buf_add_char(b, ':');
    } else {
        buf_printf(b, " %s=", f->key);
    }
    switch (f->kind) {
    case LOG_F_STR:
        add_text(b, f->s);
        break;
    case LOG_F_INT:
        buf_printf(b, "%" PRId64, f->i);
        break;
    case LOG_F_DOUBLE:
        add_double(b, f->d);
        break;
    case LOG_F_BOOL:
        buf_add_str(b, f->i ? S("true") : S("false"));
        break;
    }
}

/* One write a line, so that lines of several threads do not mix. */
static void put(struct str line) {
    while (line.n) {
        ssize_t n = write(STDERR_FILENO, line.p, line.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* nobody listens, or a full pipe that must not stop us */
        line = str_sub(line, (size_t)n, line.n);
    }
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields) {
    static const int priority[] = {7, 6, 4, 3};
    if (level < least_level)
        return;
    int64_t now = wallclock_now();
    char when[40];
    wallclock_format(now / WALLCLOCK_US_PER_S, 0, when, sizeof when);
    when[strlen(when) - 1] = 0; /* the Z goes behind the milliseconds */
    int millis = (int)(now % WALLCLOCK_US_PER_S / 1000);
    struct buf b = BUF_HEAP;
    if (to_journal)
        buf_printf(&b, "<%d>", priority[level]);
    if (format == LOG_JSON)
        buf_printf(&b, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"msg\":", when, millis,
                   level_names[level]);
    else
        buf_printf(&b, "time=%s.%03dZ level=%s msg=", when, millis, level_names[level]);
    add_text(&b, str_from(msg));
    for (; fields && fields->key; fields++)
        add_field(&b, fields);
    buf_add_str(&b, format == LOG_JSON ? S("}\n") : S("\n"));
    put(buf_str(&b));
    buf_close(&b);
}
