/* SPDX-License-Identifier: Apache-2.0
 *
 * locale_format: numbers, amounts and dates as a language writes them (ICU).
 *
 * Made once per locale and kept: opening ICU's formats is slow. What a call
 * writes depends only on its arguments. One thread at a time; heap.
 */
#ifndef GODWIT_TEMPLATES_LOCALE_FORMAT_H
#define GODWIT_TEMPLATES_LOCALE_FORMAT_H

#include "base/str.h"
#include "templates/liquid_dates.h"

struct locale_format;

/* "zh-TW"; an unknown or empty locale gives ICU's root forms. Never NULL. */
struct locale_format *locale_format_new(struct str locale);
void locale_format_free(struct locale_format *f); /* NULL is fine */

/* `digits` is a plain decimal ("-1234.50"); decimals -1: as many as there are, at most 3. */
void locale_number(struct locale_format *f, struct buf *out, struct str digits, int decimals);
/* `currency` by ISO 4217 ("TWD"). False: ICU does not know the code's form. */
bool locale_money(struct locale_format *f, struct buf *out, struct str digits, struct str currency);

const struct date_names *locale_date_names(struct locale_format *f);
/* "short", "medium", "long", "full": false for any other style. */
bool locale_date(struct locale_format *f, struct buf *out, struct str style,
                 const struct moment *m);

#endif
