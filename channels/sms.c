/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/sms.h"

#include "base/arena.h"

/* The basic table beside what it shares with ASCII, ascending. */
static const uint16_t basic[] = {
    0x00a1, 0x00a3, 0x00a4, 0x00a5, 0x00a7, 0x00bf, 0x00c4, 0x00c5, 0x00c6, 0x00c7,
    0x00c9, 0x00d1, 0x00d6, 0x00d8, 0x00dc, 0x00df, 0x00e0, 0x00e4, 0x00e5, 0x00e6,
    0x00e8, 0x00e9, 0x00ec, 0x00f1, 0x00f2, 0x00f6, 0x00f8, 0x00f9, 0x00fc, 0x0393,
    0x0394, 0x0398, 0x039b, 0x039e, 0x03a0, 0x03a3, 0x03a6, 0x03a8, 0x03a9,
};

/* What editors put in and phones can do without. */
static const struct {
    uint32_t code;
    const char *plain;
} typographic[] = {
    {0x0060, "'"},  {0x00a0, " "}, {0x00ab, "\""},  {0x00ad, ""},  {0x00b4, "'"},  {0x00b7, "."},
    {0x00bb, "\""}, {0x2002, " "}, {0x2003, " "},   {0x2009, " "}, {0x200a, " "},  {0x200b, ""},
    {0x2010, "-"},  {0x2011, "-"}, {0x2012, "-"},   {0x2013, "-"}, {0x2014, "-"},  {0x2015, "-"},
    {0x2018, "'"},  {0x2019, "'"}, {0x201a, ","},   {0x201b, "'"}, {0x201c, "\""}, {0x201d, "\""},
    {0x201e, "\""}, {0x2022, "*"}, {0x2026, "..."}, {0x202f, " "}, {0x2032, "'"},  {0x2033, "\""},
    {0x2039, "'"},  {0x203a, "'"}, {0x2044, "/"},   {0x2060, ""},  {0x2122, "TM"}, {0x2212, "-"},
    {0xfeff, ""},
};

static bool in_extension(uint32_t code) {
    return code == 0x0c || code == 0x20ac ||
           (code < 0x80 && code != 0 && strchr("^{}\\[~]|", (int)code) != NULL);
}

int sms_septets(uint32_t code) {
    if (in_extension(code))
        return 2;
    if (code < 0x80)
        return code == '\n' || code == '\r' || (code >= ' ' && code < 0x7f && code != '`');
    for (size_t i = 0; i < sizeof basic / sizeof *basic && basic[i] <= code; i++)
        if (basic[i] == code)
            return 1;
    return 0;
}

const char *sms_coding_name(enum sms_coding c) {
    return c == SMS_GSM7 ? "GSM 7-bit" : "UCS-2";
}

/* ---- measuring */

static int width(enum sms_coding coding, uint32_t code) {
    return coding == SMS_GSM7 ? sms_septets(code) : code > 0xffff ? 2 : 1;
}

static void count(struct str text, struct sms *out) {
    size_t single = out->coding == SMS_GSM7 ? 160 : 70;
    size_t part = out->coding == SMS_GSM7 ? 153 : 67, filled = 0;
    uint32_t code;
    int segments = 1;
    out->units = 0;
    for (size_t i = 0; i < text.n; i += str_utf8(str_sub(text, i, text.n), &code)) {
        (void)str_utf8(str_sub(text, i, text.n), &code);
        size_t n = (size_t)width(out->coding, code);
        out->units += n;
        if (filled + n > part) { /* a pair stays together */
            segments++;
            filled = 0;
        }
        filled += n;
    }
    out->segments = out->units <= single ? 1 : segments;
}

bool sms_measure(struct str text, struct sms *out) {
    uint32_t code;
    size_t n;
    out->coding = SMS_GSM7;
    for (size_t i = 0; i < text.n; i += n) {
        n = str_utf8(str_sub(text, i, text.n), &code);
        if (n == 0 || code == 0)
            return false;
        if (sms_septets(code) == 0)
            out->coding = SMS_UCS2;
    }
    count(text, out);
    return true;
}

/* ---- transliterating */

static const char *plain_form(uint32_t code) {
    for (size_t i = 0; i < sizeof typographic / sizeof *typographic; i++)
        if (typographic[i].code == code)
            return typographic[i].plain;
    return NULL;
}

struct str sms_transliterate(struct arena *a, struct str text) {
    struct buf b = BUF_IN(a);
    uint32_t code;
    for (size_t i = 0, n; i < text.n; i += n) {
        n = str_utf8(str_sub(text, i, text.n), &code);
        if (n == 0)
            return text;
        const char *plain = sms_septets(code) ? NULL : plain_form(code);
        if (!sms_septets(code) && !plain)
            return text; /* UCS-2 all the same: nothing would be won */
        buf_add_str(&b, plain ? str_from(plain) : str_sub(text, i, i + n));
    }
    return buf_str(&b);
}

bool sms_prepare(struct arena *a, const struct sms_rules *rules, struct str text, struct sms *out,
                 struct err *e) {
    *out = (struct sms){.text = rules->transliterate ? sms_transliterate(a, text) : text};
    if (out->text.n == 0)
        return err_set(e, ERR_INPUT, "the SMS is empty");
    if (!sms_measure(out->text, out))
        return err_set(e, ERR_INPUT, "the SMS is not UTF-8 text");
    if (out->segments > rules->max_segments)
        return err_set(e, ERR_INPUT, "the SMS needs %d segments (%s), more than max_segments: %d",
                       out->segments, sms_coding_name(out->coding), rules->max_segments);
    return true;
}

bool sms_is_number(struct str number) {
    if (str_starts(number, S("+")))
        number = str_sub(number, 1, number.n);
    for (size_t i = 0; i < number.n; i++)
        if (number.p[i] < '0' || number.p[i] > '9')
            return false;
    return number.n >= 7 && number.n <= 15;
}
