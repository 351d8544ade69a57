/* SPDX-License-Identifier: Apache-2.0
 *
 * sample: a campaign or template with what it would be rendered from for a real
 * customer: their profile of now and the last event of theirs that starts the
 * campaign. For commands that show a message without making one. Reads only.
 */
#ifndef GODWIT_CLI_SAMPLE_H
#define GODWIT_CLI_SAMPLE_H

#include "cli/setup.h"

struct sample {
    const struct message_template *template;
    const struct campaign *campaign; /* that sends it; NULL: none does */
    const struct step *step;         /* its step that sends the template */
};

/* `name`: a campaign, or else a template, which the first campaign that sends it stands for. */
bool sample_find(const struct workspace *w, struct str name, struct sample *out,
                 struct err *e) MUST_CHECK;

/* The JSON that a message of theirs would be rendered from, in s->arena, and their locale. */
bool sample_input(struct setup *s, const struct sample *x, struct str customer, struct str *input,
                  struct str *locale, struct err *e) MUST_CHECK;

#endif
