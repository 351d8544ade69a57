/* SPDX-License-Identifier: Apache-2.0
 *
 * log: one line a record on standard error, logfmt or JSON.
 *
 *     log_info("shard taken over", LOG_I("shard", 7), LOG_S("from", owner));
 *     -> time=2026-11-21T08:00:00.123Z level=info msg="shard taken over" shard=7 from=...
 *
 * Values are quoted, control characters escaped and broken UTF-8 replaced, so no
 * data can forge a line; a value longer than 2,000 bytes is cut. Only flow drivers
 * and cli/ log; secrets and message bodies never. When standard error is
 * systemd's journal, lines carry a <N> priority. Any thread; log_setup() before
 * the first other one.
 */
#ifndef GODWIT_BASE_LOG_H
#define GODWIT_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
    const char *key; /* NULL ends the list */
    enum { LOG_F_STR, LOG_F_INT, LOG_F_DOUBLE, LOG_F_BOOL } kind;
    struct str s;
    int64_t i;
    double d;
};

#define LOG_S(k, v) \
    { .key = (k), .kind = LOG_F_STR, .s = (v) }
#define LOG_I(k, v) \
    { .key = (k), .kind = LOG_F_INT, .i = (int64_t)(v) }
#define LOG_D(k, v) \
    { .key = (k), .kind = LOG_F_DOUBLE, .d = (v) }
#define LOG_B(k, v) \
    { .key = (k), .kind = LOG_F_BOOL, .i = (v) ? 1 : 0 }

void log_setup(enum log_level least, enum log_format format);
bool log_level_parse(struct str name, enum log_level *out);
bool log_enabled(enum log_level level);

/* fields: an array ended by a zeroed entry, or NULL. */
void log_write(enum log_level level, const char *msg, const struct log_field *fields);

#define log_at(level, msg, ...) \
    log_write((level), (msg), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})
#define log_debug(msg, ...) log_at(LOG_DEBUG, msg, __VA_ARGS__)
#define log_info(msg, ...) log_at(LOG_INFO, msg, __VA_ARGS__)
#define log_warn(msg, ...) log_at(LOG_WARN, msg, __VA_ARGS__)
#define log_error(msg, ...) log_at(LOG_ERROR, msg, __VA_ARGS__)

#endif
