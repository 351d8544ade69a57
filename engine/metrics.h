/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics: Prometheus' text format 0.0.4. A family's samples follow its head at once; no
 * family comes twice. Labels are words of ours, never anything from customers. Pure but
 * for metrics_process.
 */
#ifndef GODWIT_ENGINE_METRICS_H
#define GODWIT_ENGINE_METRICS_H

#include "base/str.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_counter(struct buf *out, const char *name, const char *help);
void metrics_gauge(struct buf *out, const char *name, const char *help);
/* `labels`: "status=\"sent\"", or NULL. */
void metrics_sample(struct buf *out, const char *name, const char *labels, double value);

/* A family of one sample. */
void metrics_count(struct buf *out, const char *name, const char *help, double value);
void metrics_value(struct buf *out, const char *name, const char *help, double value);

/* Version, start, memory of this process. */
void metrics_process(struct buf *out, int64_t started_us);

#endif
