/* SPDX-License-Identifier: Apache-2.0
 *
 * relay_dialogue: the client's side of SMTP from MAIL on (RFC 5321), for one connection and one
 * recipient a message: what to write, and what the relay's bytes mean. With PIPELINING the
 * envelope is one write, so a message costs two round trips.
 *
 * Normal path: begin() puts MAIL, RCPT, DATA into `out`; feed() takes the replies and says
 * RELAY_STEP_BODY after 354; the owner writes body(); feed() says RELAY_STEP_DONE with the
 * result. A refusal is judged at once, what is still to come of replies is waited for, and
 * RSET goes before the next message. Pure; any thread.
 */
#ifndef GODWIT_CHANNELS_RELAY_DIALOGUE_H
#define GODWIT_CHANNELS_RELAY_DIALOGUE_H

#include "channels/relay_mail.h"

enum relay_step {
    RELAY_STEP_WAIT, /* for more from the relay, when `out` is written */
    RELAY_STEP_BODY, /* write the body now */
    RELAY_STEP_DONE  /* the result is there */
};

struct relay_dialogue {
    struct relay_offer offer;
    bool over; /* the relay said 421, or nonsense: the connection is of no more use */

    /* of the message */
    struct relay_result result;
    bool judged;           /* result is there */
    bool mail_ok, rcpt_ok; /* what the relay has said yes to */

    bool reset;          /* RSET is to come first */
    int at, sent;        /* the command whose reply is awaited; how many were written */
    struct buf in, line; /* a reply, and a line of it, that are not whole yet */
    struct str lines[4]; /* RSET, MAIL, RCPT, DATA */
};

void relay_dialogue_init(struct relay_dialogue *d, struct relay_offer offer);
void relay_dialogue_close(struct relay_dialogue *d);

/* The parameters of the envelope live in `a`, until the message is done. */
void relay_dialogue_begin(struct relay_dialogue *d, struct arena *a, const struct email_mail *mail,
                          const struct channel_message *m, bool dsn, struct buf *out);

/* Takes from *bytes until there is something to do or nothing left. */
enum relay_step relay_dialogue_feed(struct relay_dialogue *d, struct str *bytes, struct buf *out);

/* The mail with its dots doubled, and the final one. */
void relay_dialogue_body(struct str data, struct buf *out);

#endif
