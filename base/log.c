/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/log.h"

#include "base/json.h"
#include "base/wallclock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum log_level least_level = LOG_INFO;
static enum log_format format = LOG_LOGFMT;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_level least, enum log_format how) {
    least_level = least;
    format = how;
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

static bool plain(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
            return false;
    }
    return s.n > 0;
}

static void add_text(struct buf *b, struct str s) {
    if (format == LOG_LOGFMT && plain(s))
        buf_add_str(b, s);
    else
        json_write_string(b, s); /* logfmt quotes as JSON does */
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
        buf_printf(b, "%.6g", f->d);
        break;
    case LOG_F_BOOL:
        buf_add_str(b, f->i ? S("true") : S("false"));
        break;
    }
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields) {
    static const int priority[] = {7, 6, 4, 3};
    if (level < least_level)
        return;
    int64_t now = wallclock_now();
    char when[40];
    wallclock_format(now / WALLCLOCK_US_PER_S, (uint32_t)(now % WALLCLOCK_US_PER_S / 1000) * 1000000u,
                     when, sizeof when);
    struct buf b = BUF_HEAP;
    if (getenv("JOURNAL_STREAM"))
        buf_printf(&b, "<%d>", priority[level]);
    if (format == LOG_JSON)
        buf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"msg\":", when, level_names[level]);
    else
        buf_printf(&b, "time=%s level=%s msg=", when, level_names[level]);
    add_text(&b, str_from(msg));
    for (; fields && fields->key; fields++)
        add_field(&b, fields);
    buf_add_str(&b, format == LOG_JSON ? S("}\n") : S("\n"));
    ssize_t ignored = write(STDERR_FILENO, b.p, b.n); /* one write, so lines do not mix */
    (void)ignored;
    buf_close(&b);
}
