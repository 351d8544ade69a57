/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes to the capture server's conversation: the replies and the mails are the same
 * whether they come in one piece or in pieces as long as the first byte says.
 */
#include "config.h"

#include "base/arena.h"
#include "cli/capture_header.h"
#include "cli/capture_session.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A mail keeps what the server promises of it. */
static bool on_mail(void *ctx, const struct capture_envelope *e, struct str data) {
    struct buf *mails = ctx, subject = BUF_IN(mails->arena);
    if (!e->n || !e->helo.n || (data.n && !str_ends(data, S("\r\n"))))
        abort();
    for (size_t i = 0; i < e->n; i++) {
        if (!e->to[i].n || memchr(e->to[i].p, '\n', e->to[i].n))
            abort();
        buf_add_str(mails, e->to[i]);
        buf_add_char(mails, ' ');
    }
    capture_header(data, S("Subject"), &subject);
    for (size_t at = 0, n; at < subject.n; at += n) {
        uint32_t code;
        n = str_utf8(str_sub(buf_str(&subject), at, subject.n), &code);
        if (!n || code < ' ')
            abort();
    }
    buf_add_str(mails, e->from);
    buf_add_str(mails, data);
    return data.n % 7 != 0;
}

static void talk(struct str in, size_t step, struct buf *out, struct buf *mails) {
    struct capture_budget budget = {.most = 1 << 20};
    struct capture_session *s = capture_session_new(&budget, on_mail, mails, out);
    for (size_t at = 0; at < in.n; at += step)
        if (!capture_session_feed(s, str_sub(in, at, at + step), out))
            break;
    capture_session_free(s);
    if (budget.used)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    struct arena *a = arena_new(0);
    struct str in = str_of((const char *)data + 1, size - 1);
    struct buf out[2] = {BUF_IN(a), BUF_IN(a)}, mails[2] = {BUF_IN(a), BUF_IN(a)};
    talk(in, in.n, &out[0], &mails[0]);
    talk(in, data[0] + 1u, &out[1], &mails[1]);
    if (!str_eq(buf_str(&out[0]), buf_str(&out[1])) ||
        !str_eq(buf_str(&mails[0]), buf_str(&mails[1])))
        abort();
    arena_free(a);
    return 0;
}
