/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "channels/sms.h"
#include "tests/channels/check_channels.h"

#include <stdlib.h>

/* The tables of 3GPP TS 23.038 §6.2.1 in their order, without LF, CR, ESC and FF. */
static const char basic[] = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
                            "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
static const char extension[] = "^{}\\[~]|€";

START_TEST(alphabet) {
    int in_basic = 0, in_extension = 0;
    uint32_t code;
    for (uint32_t c = 0; c < 0x11000; c++) { /* nothing but the tables */
        in_basic += sms_septets(c) == 1;
        in_extension += sms_septets(c) == 2;
    }
    ck_assert_int_eq(in_basic, 127); /* 128 without the escape */
    ck_assert_int_eq(in_extension, 10);
    struct str all[] = {str_from(basic), str_from(extension)};
    for (int t = 0; t < 2; t++) {
        for (size_t i = 0, n; i < all[t].n; i += n) {
            n = str_utf8(str_sub(all[t], i, all[t].n), &code);
            ck_assert_uint_gt(n, 0);
            ck_assert_msg(sms_septets(code) == t + 1, "U+%04X", (unsigned)code);
        }
    }
}
END_TEST

/* The text is `unit` repeated `times`, then `tail`. */
static const struct {
    const char *unit;
    int times;
    const char *tail;
    enum sms_coding coding;
    size_t units;
    int segments;
} lengths[] = {
    {"a", 1, "", SMS_GSM7, 1, 1},
    {"a", 160, "", SMS_GSM7, 160, 1},
    {"a", 161, "", SMS_GSM7, 161, 2},
    {"a", 306, "", SMS_GSM7, 306, 2},
    {"a", 307, "", SMS_GSM7, 307, 3},
    {"€", 80, "", SMS_GSM7, 160, 1},
    {"a", 159, "€", SMS_GSM7, 161, 2},
    {"a", 158, "€", SMS_GSM7, 160, 1},
    /* a pair is not split: 152 in the first segment, so the third begins early */
    {"a", 152, "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€a",
     SMS_GSM7, 305, 2},
    {"a", 152, "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€aa",
     SMS_GSM7, 306, 3},
    {"你", 70, "", SMS_UCS2, 70, 1},
    {"你", 71, "", SMS_UCS2, 71, 2},
    {"你", 134, "", SMS_UCS2, 134, 2},
    {"你", 135, "", SMS_UCS2, 135, 3},
    {"😀", 35, "", SMS_UCS2, 70, 1},
    {"😀", 36, "", SMS_UCS2, 72, 2},
    {"😀", 66, "", SMS_UCS2, 132, 2}, /* 33 a segment: 66 of 67 units */
    {"😀", 67, "", SMS_UCS2, 134, 3},
    {"ç", 1, "", SMS_UCS2, 1, 1}, /* only its capital is in the table */
    {"`", 1, "", SMS_UCS2, 1, 1},
    {"a", 100, "\t", SMS_UCS2, 101, 2},
};

START_TEST(counts_segments) {
    struct buf b = BUF_HEAP;
    struct sms sms;
    for (int i = 0; i < lengths[_i].times; i++)
        buf_add_str(&b, str_from(lengths[_i].unit));
    buf_add_str(&b, str_from(lengths[_i].tail));
    ck_assert(sms_measure(buf_str(&b), &sms));
    ck_assert_int_eq(sms.coding, lengths[_i].coding);
    ck_assert_uint_eq(sms.units, lengths[_i].units);
    ck_assert_int_eq(sms.segments, lengths[_i].segments);
    buf_close(&b);
}
END_TEST

static const struct {
    const char *text, *wanted;
} plain[] = {
    {"it’s — “so”…", "it's - \"so\"..."},
    {"a\xc2\xa0"
     "b\xe2\x80\x8b"
     "c",
     "a bc"},
    {"plain €", "plain €"},
    {"it’s 你", "it’s 你"}, /* nothing would be won */
};

START_TEST(transliterates) {
    struct arena *a = arena_new(0);
    struct str got = sms_transliterate(a, str_from(plain[_i].text));
    ck_assert_msg(str_eq(got, str_from(plain[_i].wanted)), "%.*s", STR_FMT(got));
    arena_free(a);
}
END_TEST

START_TEST(keeps_to_the_rules) {
    struct arena *a = arena_new(0);
    struct err e = ERR_INIT;
    struct sms sms;
    struct sms_rules two = {2, false}, plainly = {1, true};
    char text[400];
    memset(text, 'a', sizeof text);
    ck_assert(sms_prepare(a, &two, str_of(text, 306), &sms, &e));
    ck_assert(!sms_prepare(a, &two, str_of(text, 307), &sms, &e));
    ck_assert_msg(strstr(e.text, "3 segments (GSM 7-bit)") != NULL, "%s", e.text);
    ck_assert(!sms_prepare(a, &two, S(""), &sms, &e));
    ck_assert(!sms_prepare(a, &two, S("a\xff"), &sms, &e));
    ck_assert(!sms_prepare(a, &two, S("a\0b"), &sms, &e));
    ck_assert(sms_prepare(a, &plainly, S("Ada’s"), &sms, &e));
    ck_assert_int_eq(sms.coding, SMS_GSM7);
    arena_free(a);
}
END_TEST

START_TEST(numbers) {
    static const char *const good[] = {"+886912345678", "447700900123", "+1234567"};
    static const char *const bad[] = {"",         "+",   "+123456",      "+1234567890123456",
                                      "+44 7700", "abc", "44+7700900123"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert(sms_is_number(str_from(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!sms_is_number(str_from(bad[i])), "%s", bad[i]);
}
END_TEST

Suite *suite_sms(void) {
    Suite *s = suite_create("sms");
    TCase *t = tcase_create("sms");
    tcase_add_test(t, alphabet);
    tcase_add_loop_test(t, counts_segments, 0, sizeof lengths / sizeof *lengths);
    tcase_add_loop_test(t, transliterates, 0, sizeof plain / sizeof *plain);
    tcase_add_test(t, keeps_to_the_rules);
    tcase_add_test(t, numbers);
    suite_add_tcase(s, t);
    return s;
}
