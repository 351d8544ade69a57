/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/digest.h"
#include "tests/base/check_base.h"

/* FIPS 180-2 */
START_TEST(known) {
    char hex[DIGEST_HEX_CHARS + 1];
    digest_sha256_hex(S("abc"), hex);
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_sha256_hex(STR_NONE, hex);
    ck_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

/* Held-out customers hang on these numbers: they must never change. The wanted one is Python's:
 * hmac.new(b"key", len64("ab") + b"ab" + len64("c") + b"c", sha256), first 8 bytes. */
START_TEST(chance) {
    struct str ab_c[] = {S("ab"), S("c")}, a_bc[] = {S("a"), S("bc")};
    uint64_t x = digest_chance(S("key"), ab_c, 2);
    ck_assert_uint_eq(x, UINT64_C(0x6792a685701881d3));
    ck_assert_uint_ne(x, digest_chance(S("key"), a_bc, 2));
    ck_assert_uint_ne(x, digest_chance(S("kez"), ab_c, 2));
    ck_assert_uint_eq(x, digest_chance(S("key"), ab_c, 2));
}
END_TEST

START_TEST(piece_by_piece) {
    char hex[DIGEST_HEX_CHARS + 1], wanted[DIGEST_HEX_CHARS + 1];
    struct digest *d = digest_new();
    for (size_t i = 0; i <= 200; i++) {
        static const char bytes[200];
        digest_sha256_hex(str_of(bytes, i), wanted);
        digest_hex(d, hex);
        ck_assert_str_eq(hex, wanted);
        digest_add(d, S("\0"));
    }
    digest_free(d);
    digest_free(NULL);
}
END_TEST

Suite *suite_digest(void) {
    Suite *s = suite_create("digest");
    TCase *t = tcase_create("digest");
    tcase_add_test(t, known);
    tcase_add_test(t, chance);
    tcase_add_test(t, piece_by_piece);
    suite_add_tcase(s, t);
    return s;
}
