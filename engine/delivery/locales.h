/* SPDX-License-Identifier: Apache-2.0
 *
 * locales: the forms of numbers and dates of the locales in use, opened once and
 * kept; bounded. One thread.
 */
#ifndef GODWIT_ENGINE_DELIVERY_LOCALES_H
#define GODWIT_ENGINE_DELIVERY_LOCALES_H

#include "base/str.h"

struct locale_format;
struct locales;

struct locales *locales_new(void);
void locales_free(struct locales *l); /* NULL is fine */

/* NULL for no locale: plain forms. Good until the next call. */
struct locale_format *locales_get(struct locales *l, struct str name);

#endif
