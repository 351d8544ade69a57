/* SPDX-License-Identifier: Apache-2.0
 *
 * inbound_internal: what the sources of mail share. A source gives one mail after the
 * other to inbound_take() and looks for more when all are done.
 */
#ifndef GODWIT_ENGINE_RESPONSE_INBOUND_INTERNAL_H
#define GODWIT_ENGINE_RESPONSE_INBOUND_INTERNAL_H

#include "engine/response/inbound.h"

/* committed: the mail may be removed; otherwise it is left where it is. */
typedef void (*inbound_done_fn)(void *ctx, bool committed);

/* Whether to look for mail now: the database is there, and the work is ours. */
bool inbound_ready(const struct inbound *in);
/* The text lives until `done`, which is called once, later. False: not now. */
bool inbound_take(struct inbound *in, struct str mail, inbound_done_fn done, void *ctx) MUST_CHECK;

/* What a source is for inbound.c. Its first member in each. */
struct source {
    struct source *next;
    struct inbound *in;
    bool closing, failing;
    void (*look)(struct source *s);  /* mail may have come; now or when it is time */
    void (*close)(struct source *s); /* calls source_closed() and is gone, later */
};

void source_failed(struct source *s, struct str name, const char *why); /* says it once */
void source_works(struct source *s, struct str name);
void source_closed(struct source *s); /* frees it */

/* What godwit.yaml says, with the login looked up; texts are copied. */
struct source *inbound_maildir_open(struct inbound *in, uv_loop_t *loop, struct str folder,
                                    const struct settings_source *x);
struct source *inbound_poll_open(struct inbound *in, uv_loop_t *loop,
                                 const struct settings_source *x, struct str username,
                                 struct str password, struct err *e);

#endif
