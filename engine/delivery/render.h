/* SPDX-License-Identifier: Apache-2.0
 *
 * render: a message of the outbox into what a channel sends. Pure: all it needs
 * is the workspace and the input that was stored with the message, so the same
 * message renders to the same bytes at any time.
 */
#ifndef GODWIT_ENGINE_DELIVERY_RENDER_H
#define GODWIT_ENGINE_DELIVERY_RENDER_H

#include "base/err.h"
#include "base/keyring.h"
#include "channels/channel.h"
#include "engine/delivery/locales.h"
#include "engine/outbox.h"
#include "engine/workspace.h"

/* What the template of a decision needs of event and customer, as JSON in `a`. */
struct str render_input(const struct workspace *w, const struct decision *d,
                        const struct profile *p, struct arena *a);

/* What rendering needs besides the message; one thread's. */
struct render {
    struct str secret;          /* keys Message-IDs */
    const struct keyring *keys; /* of tokens */
    struct locales *locales;
};

/* Everything in *out lives in `a` or in the workspace. `hash` is the template's
 * content hash. False: this message cannot be sent, e says why. */
bool render_message(const struct workspace *w, const struct outbox_message *m,
                    enum channel_kind kind, const struct render *r, struct arena *a,
                    struct channel_message *out, struct str *hash, struct err *e) MUST_CHECK;

/* The same with a template that was found otherwise: an old one, by its hash. */
bool render_with(const struct template_set *set, const struct message_template *t,
                 const struct outbox_message *m, enum channel_kind kind, const struct render *r,
                 struct arena *a, struct channel_message *out, struct err *e) MUST_CHECK;

/* What names the message to the channel's provider, and where that is to report on it. */
void render_receipt(const struct workspace *w, const struct outbox_message *m, struct str channel,
                    const struct render *r, struct arena *a, struct channel_message *out);

/* "<token.hash@sender's domain>": a token that leads back to the message when it comes back as
 * In-Reply-To or in a bounce, and the beginning of a hash over (campaign, customer, step,
 * occurrence), both under the installation's secret; the same on every attempt (RFC 5322 §3.6.4).
 */
struct str render_message_id(const struct outbox_message *m, struct str secret, struct str domain,
                             struct arena *a);

#endif
