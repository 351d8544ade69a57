/* SPDX-License-Identifier: Apache-2.0
 *
 * sms: how a text travels as SMS: its alphabet, and into how many messages it is cut.
 *
 * GSM 03.38: a text of the basic table and its extension (two septets a character) takes
 * 160 septets, or 153 a segment; any other goes as UCS-2 in 70 code units, or 67 a
 * segment. A pair (escape, surrogates) is not split over segments. Pure.
 */
#ifndef GODWIT_CHANNELS_SMS_H
#define GODWIT_CHANNELS_SMS_H

#include "base/err.h"
#include "base/str.h"

struct arena;

enum sms_coding { SMS_GSM7, SMS_UCS2 };

struct sms_rules {
    int max_segments;   /* a longer text is refused, never cut */
    bool transliterate; /* typographic quotes, dashes, spaces become what the GSM alphabet has */
};

struct sms {
    struct str text; /* UTF-8, as it is to be handed over */
    enum sms_coding coding;
    size_t units; /* septets or UTF-16 code units, without the headers of segments */
    int segments; /* 1 or more */
};

/* Septets of a character in the GSM alphabet: 1, 2, or 0 when it is not in it. */
int sms_septets(uint32_t code);

/* Fills all but text; false: it is not UTF-8, or holds a NUL. */
bool sms_measure(struct str text, struct sms *out) MUST_CHECK;

/* The text with each typographic character replaced by its plain form, if that makes it fit the
 * GSM alphabet as a whole; otherwise the text as it is. */
struct str sms_transliterate(struct arena *a, struct str text);

/* The text by the rules; false: e says why it cannot be sent. */
bool sms_prepare(struct arena *a, const struct sms_rules *rules, struct str text, struct sms *out,
                 struct err *e) MUST_CHECK;

/* Whether it can be a number in E.164: an optional +, 7 to 15 digits. */
bool sms_is_number(struct str number);

const char *sms_coding_name(enum sms_coding c); /* "GSM 7-bit", "UCS-2" */

#endif
