/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/relay_mail.h"

#include "base/arena.h"
#include "channels/dkim.h"

#include <stdio.h>

#define MAIL_MOST (1u << 30)

static void sign(struct arena *a, const struct channel_message *m, const struct relay_settings *s,
                 struct email_mail *mail) {
    struct buf all = BUF_IN(a);
    if (!s->dkim[0]) {
        return;
    }
    buf_reserve(&all, mail->data.n + 2048);
    for (size_t i = 0; s->dkim[i]; i++) {
        dkim_sign(s->dkim[i], a, mail->data, m->date_us / 1000000, &all);
    }
    buf_add_str(&all, mail->data);
    mail->data = buf_str(&all);
}

bool relay_mail_compose(struct arena *a, const struct channel_message *m,
                        const struct relay_settings *s, struct email_mail *out,
                        struct relay_result *refused) {
    struct err e = ERR_INIT;
    bool composed = email_mime_compose(a, m, out, &e);
    if (composed && out->data.n > MAIL_MOST) {
        composed = err_set(&e, ERR_INPUT, "the message is larger than 1 GiB");
    }
    if (composed) {
        sign(a, m, s, out);
        return true;
    }
    relay_result_set(refused, CHANNEL_REFUSED,
                     out->bad_address ? CHANNEL_SUBJECT_ADDRESS : CHANNEL_SUBJECT_MESSAGE,
                     str_from(e.text));
    return false;
}

bool relay_mail_fits(const struct email_mail *mail, const struct relay *r, const char *no_smtputf8,
                     struct relay_result *refused) {
    char text[300];
    uint64_t most = atomic_load(&r->most_bytes);
    if ((mail->to.utf8 || mail->from.utf8) && no_smtputf8) {
        snprintf(text, sizeof text,
                 "the address is not ASCII before the @, and so needs SMTPUTF8, which %s",
                 no_smtputf8);
        relay_result_set(refused, CHANNEL_REFUSED,
                         mail->to.utf8 ? CHANNEL_SUBJECT_ADDRESS : CHANNEL_SUBJECT_MESSAGE,
                         str_from(text));
        return false;
    }
    if (most > 0 && mail->data.n > most) {
        snprintf(text, sizeof text, "the message is %zu bytes, the relay takes %llu at most",
                 mail->data.n, (unsigned long long)most);
        relay_result_set(refused, CHANNEL_REFUSED, CHANNEL_SUBJECT_MESSAGE, str_from(text));
        return false;
    }
    return true;
}

struct str relay_mail_xtext(struct arena *a, struct str text, size_t most) {
    struct buf out = BUF_IN(a);
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < '!' || c > '~' || c == '+' || c == '=') {
            buf_printf(&out, "+%02X", c);
        } else {
            buf_add_char(&out, (char)c);
        }
    }
    return out.n <= most ? buf_str(&out) : STR_NONE;
}
