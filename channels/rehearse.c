/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/rehearse.h"

#include "base/arena.h"
#include "channels/email_mime.h"
#include "channels/local_channel.h"

#define REHEARSE_CAPACITY 1000

static const struct channel_setting settings[] = {{0}};

static void deliver(void *self, struct arena *a, const struct channel_message *m,
                    struct relay_result *out) {
    (void)self;
    struct err e = ERR_INIT;
    struct email_mail mail;
    if (m->kind == CHANNEL_EMAIL && !email_mime_compose(a, m, &mail, &e)) {
        relay_result_set(out, CHANNEL_REFUSED,
                         mail.bad_address ? CHANNEL_SUBJECT_ADDRESS : CHANNEL_SUBJECT_MESSAGE,
                         str_from(e.text));
    } else if (m->to.n == 0) {
        relay_result_set(out, CHANNEL_REFUSED, CHANNEL_SUBJECT_ADDRESS, S("there is no address"));
    } else {
        relay_result_set(out, CHANNEL_ACCEPTED, CHANNEL_SUBJECT_NONE, S("rehearsed, not sent"));
    }
}

static struct channel *driver_open(const struct channel_host *host,
                                   const struct channel_value *values, struct channel_error *e) {
    (void)values;
    return local_channel_open(host, REHEARSE_CAPACITY, deliver, NULL, e);
}

const struct channel_driver channel_rehearse = {
    .abi = CHANNEL_ABI,
    .flags = CHANNEL_NEEDS_ADDRESS | CHANNEL_SENDS_NOTHING,
    .kinds = CHANNEL_EMAIL | CHANNEL_SMS | CHANNEL_WEBHOOK,
    .name = "rehearse",
    .help = "Does everything but send: messages are composed, checked and counted.",
    .settings = settings,
    .open = driver_open,
    .capacity = local_channel_capacity,
    .submit = local_channel_submit,
    .close = local_channel_close,
};
