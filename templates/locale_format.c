/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "templates/locale_format.h"

#include "base/arena.h"

#include <ctype.h>
#include <unicode/ucurr.h>
#include <unicode/udat.h>
#include <unicode/uloc.h>
#include <unicode/unum.h>
#include <unicode/ustring.h>

#define TEXT 256

struct locale_format {
    struct arena *arena;
    char name[64]; /* as ICU calls it: zh_TW */
    UNumberFormat *number, *money;
    UDateFormat *style[4];
    struct date_names names;
    bool has_names;
};

struct locale_format *locale_format_new(struct str locale) {
    struct arena *a = arena_new(4096);
    struct locale_format *f = ARENA_NEW(a, struct locale_format);
    size_t n = locale.n < sizeof f->name - 1 ? locale.n : 0;
    f->arena = a;
    for (size_t i = 0; i < n; i++)
        f->name[i] = locale.p[i] == '-' ? '_' : locale.p[i];
    return f;
}

void locale_format_free(struct locale_format *f) {
    if (!f)
        return;
    unum_close(f->number);
    unum_close(f->money);
    for (int i = 0; i < 4; i++)
        udat_close(f->style[i]);
    arena_free(f->arena);
}

static void add_utf16(struct buf *out, const UChar *u, int32_t n) {
    UErrorCode code = U_ZERO_ERROR;
    int32_t bytes = 0;
    char *p = buf_reserve(out, (size_t)n * 3 + 1);
    u_strToUTF8(p, n * 3 + 1, &bytes, u, n, &code);
    if (U_SUCCESS(code))
        out->n += (size_t)bytes;
}

static int decimals_of(struct str digits) {
    const char *dot = digits.n ? memchr(digits.p, '.', digits.n) : NULL;
    return dot ? (int)(digits.p + digits.n - dot) - 1 : 0;
}

static UNumberFormat *open_number(struct locale_format *f, UNumberFormat **keep,
                                  UNumberFormatStyle style) {
    UErrorCode code = U_ZERO_ERROR;
    if (!*keep)
        *keep = unum_open(style, NULL, 0, f->name, NULL, &code);
    return U_SUCCESS(code) ? *keep : NULL;
}

static bool write_decimal(UNumberFormat *n, struct buf *out, struct str digits) {
    UChar text[TEXT];
    UErrorCode code = U_ZERO_ERROR;
    int32_t length = unum_formatDecimal(n, digits.p, (int32_t)digits.n, text, TEXT, NULL, &code);
    if (U_FAILURE(code) || length > TEXT)
        return false;
    add_utf16(out, text, length);
    return true;
}

void locale_number(struct locale_format *f, struct buf *out, struct str digits, int decimals) {
    UNumberFormat *n = open_number(f, &f->number, UNUM_DECIMAL);
    int most = decimals >= 0 ? decimals : decimals_of(digits) < 3 ? decimals_of(digits) : 3;
    if (n) {
        unum_setAttribute(n, UNUM_MAX_FRACTION_DIGITS, most);
        unum_setAttribute(n, UNUM_MIN_FRACTION_DIGITS, decimals >= 0 ? decimals : 0);
        unum_setAttribute(n, UNUM_ROUNDING_MODE, UNUM_ROUND_HALFUP);
    }
    if (!n || !write_decimal(n, out, digits))
        buf_add_str(out, digits);
}

bool locale_money(struct locale_format *f, struct buf *out, struct str digits,
                  struct str currency) {
    UChar iso[4] = {0};
    UErrorCode code = U_ZERO_ERROR;
    UNumberFormat *n = open_number(f, &f->money, UNUM_CURRENCY);
    if (!n || currency.n != 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (!isalpha((unsigned char)currency.p[i]))
            return false;
        iso[i] = (UChar)toupper((unsigned char)currency.p[i]);
    }
    unum_setTextAttribute(n, UNUM_CURRENCY_CODE, iso, 3, &code);
    unum_setAttribute(n, UNUM_ROUNDING_MODE, UNUM_ROUND_HALFUP);
    int places = ucurr_getDefaultFractionDigits(iso, &code);
    if (U_FAILURE(code))
        return false;
    unum_setAttribute(n, UNUM_MAX_FRACTION_DIGITS, places);
    unum_setAttribute(n, UNUM_MIN_FRACTION_DIGITS, places);
    return write_decimal(n, out, digits);
}

/* ---- dates */
static struct str symbol(struct locale_format *f, UDateFormat *d, UDateFormatSymbolType type,
                         int32_t i) {
    UChar text[TEXT];
    UErrorCode code = U_ZERO_ERROR;
    int32_t n = udat_getSymbols(d, type, i, text, TEXT, &code);
    struct buf b = BUF_IN(f->arena);
    if (U_FAILURE(code))
        return STR_NONE;
    add_utf16(&b, text, n);
    return buf_str(&b);
}

static UDateFormat *open_date(struct locale_format *f, int i) {
    static const UDateFormatStyle styles[] = {UDAT_SHORT, UDAT_MEDIUM, UDAT_LONG, UDAT_FULL};
    static const UChar utc[] = {'U', 'T', 'C', 0};
    UErrorCode code = U_ZERO_ERROR;
    if (!f->style[i])
        f->style[i] = udat_open(UDAT_NONE, styles[i], f->name, utc, 3, NULL, 0, &code);
    return U_SUCCESS(code) ? f->style[i] : NULL;
}

const struct date_names *locale_date_names(struct locale_format *f) {
    UDateFormat *d = f->has_names ? NULL : open_date(f, 0);
    for (int i = 0; d && i < 12; i++) {
        f->names.month[i] = symbol(f, d, UDAT_STANDALONE_MONTHS, i);
        f->names.short_month[i] = symbol(f, d, UDAT_STANDALONE_SHORT_MONTHS, i);
    }
    for (int i = 0; d && i < 7; i++) {
        f->names.day[i] = symbol(f, d, UDAT_WEEKDAYS, i + 1);
        f->names.short_day[i] = symbol(f, d, UDAT_SHORT_WEEKDAYS, i + 1);
    }
    for (int i = 0; d && i < 2; i++)
        f->names.am_pm[i] = symbol(f, d, UDAT_AM_PMS, i);
    f->has_names = true;
    return &f->names;
}

bool locale_date(struct locale_format *f, struct buf *out, struct str style,
                 const struct moment *m) {
    static const char *const names[] = {"short", "medium", "long", "full"};
    UChar text[TEXT];
    UErrorCode code = U_ZERO_ERROR;
    struct civil local = {.offset = m->offset};
    int i = 0;
    while (i < 4 && !str_eq(style, str_from(names[i])))
        i++;
    UDateFormat *d = i < 4 ? open_date(f, i) : NULL;
    if (!d)
        return false;
    if (m->zone)
        wallclock_local(m->zone, m->seconds, &local);
    /* the local time as if it were UTC: zones are ours, not ICU's */
    double ms = (double)(m->seconds + local.offset) * 1000;
    int32_t n = udat_format(d, ms, text, TEXT, NULL, &code);
    if (U_FAILURE(code) || n > TEXT)
        return false;
    add_utf16(out, text, n);
    return true;
}
