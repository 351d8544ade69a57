/* SPDX-License-Identifier: Apache-2.0
 *
 * email_parts: a mail that came in as a flat list of its parts, decoded: text as UTF-8,
 * header fields unfolded. The only file that knows GMime.
 *
 * Bounded: parts, fields, nesting, and the bytes that are kept of each; what is beyond is
 * left out. Never fails: broken mail gives what could be made out. GMime's state is global:
 * one thread only.
 */
#ifndef GODWIT_CHANNELS_EMAIL_PARTS_H
#define GODWIT_CHANNELS_EMAIL_PARTS_H

#include "base/str.h"

struct arena;

struct email_field {
    struct str name, value; /* one line */
};

struct email_fields {
    const struct email_field *list;
    size_t n;
};

struct email_part {
    struct str type;            /* "text/plain", lower case */
    struct str content;         /* of a text, or of a report's part */
    struct email_fields fields; /* of "message/rfc822": its header */
};

struct email_parts {
    struct email_fields header;
    struct str report_type; /* of the outermost multipart/report, lower case; may be empty */
    const struct email_part *list;
    size_t n;
};

void email_parts_read(struct arena *a, struct str mail, struct email_parts *out);
void email_parts_shutdown(void);

/* The first field of that name, or an empty text. */
struct str email_field(const struct email_fields *f, const char *name);

/* Reads "Name: value" lines up to an empty one; *rest is what comes behind that. */
struct email_fields email_fields_read(struct arena *a, struct str *rest);

/* Valid UTF-8 without control characters, at most `most` bytes, cut at a character. `lines`: line
 * ends and tabs stay; otherwise all white space is one space. */
struct str email_clean(struct arena *a, struct str text, size_t most, bool lines);

#endif
