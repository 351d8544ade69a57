/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes give a report, the same each time; its texts are valid UTF-8 without control
 * characters and within their limits; a class goes with a bounce and with nothing else.
 */
#include "config.h"

#include "base/arena.h"
#include "channels/email_bounce.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok) {
    if (!ok)
        abort();
}

static void clean(struct str s, size_t most, bool lines) {
    must(s.p != NULL && s.n <= most);
    for (size_t i = 0; i < s.n;) {
        uint32_t code;
        size_t n = str_utf8(str_sub(s, i, s.n), &code);
        must(n > 0 && (code >= 0x20 || (lines && (code == '\n' || code == '\t'))) && code != 0x7f);
        i += n;
    }
}

static void check(const struct email_report *r) {
    must(r->kind < EMAIL_REPORT_KINDS && email_report_kind_name(r->kind));
    must(r->kind == EMAIL_BOUNCE || r->verdict.class == BOUNCE_NONE);
    must(!r->verdict.reputation || r->verdict.class == BOUNCE_BLOCK);
    must(r->code == 0 || (r->code >= 400 && r->code < 600));
    must(r->n_addresses <= EMAIL_REPORT_CLUES && r->n_ids <= EMAIL_REPORT_CLUES);
    clean(r->status, 11, false);
    const struct str texts[] = {r->recipient, r->diagnostic, r->reporting_mta, r->remote_mta,
                                r->feedback,  r->from,       r->subject,       r->message_id};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        clean(texts[i], 4000, false);
    clean(r->text, EMAIL_REPORT_TEXT, true);
    for (size_t i = 0; i < r->n_addresses; i++)
        clean(r->addresses[i], 4000, false);
    for (size_t i = 0; i < r->n_ids; i++)
        clean(r->ids[i], 4000, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *a = arena_new(0);
    struct email_report one, two;
    struct str mail = str_of((const char *)data, size);
    email_bounce_read(a, mail, &one);
    email_bounce_read(a, mail, &two);
    check(&one);
    must(one.kind == two.kind && str_eq(one.diagnostic, two.diagnostic) &&
         str_eq(one.text, two.text) && one.n_ids == two.n_ids);
    struct bounce_said said = {str_sub(mail, 0, size % 9), 0, mail};
    struct bounce_verdict v = bounce_classify(&said);
    must(v.class == BOUNCE_NONE || bounce_class_name(v.class));
    arena_free(a);
    return 0;
}
