/* SPDX-License-Identifier: Apache-2.0
 *
 * tally: shows what decisions come to (engine/intake/plan_tally.h), for `plan` and
 * `simulate`: sections of an output, and each decision as a line of CSV.
 */
#ifndef GODWIT_CLI_TALLY_H
#define GODWIT_CLI_TALLY_H

#include "cli/command.h"
#include "cli/output.h"
#include "engine/intake/plan_tally.h"

/* The campaign that was typed; NULL when none was. False: there is no such one. */
bool tally_which(const struct args *args, const struct workspace *w, const struct campaign **out,
                 struct err *e) MUST_CHECK;

/* The file of --csv: each decision a line. Without a path there is none, and nothing is written. */
struct tally_file {
    const char *path; /* NULL: none */
    FILE *file;
    struct output *lines;
};
bool tally_open(struct tally_file *f, const char *path, struct err *e) MUST_CHECK;
void tally_line(const struct tally_file *f, const struct decision *d, const struct profile *p,
                int64_t at_us);
/* Also after a failure. False: it could not be written. */
bool tally_close(struct tally_file *f, struct err *e) MUST_CHECK;

void tally_campaigns(struct output *o, const struct plan_tally *t);
void tally_reasons(struct output *o, const struct plan_tally *t);
void tally_lacks(struct output *o, const struct plan_tally *t, struct arena *a);
void tally_variants(struct output *o, const struct plan_tally *t);

#endif
