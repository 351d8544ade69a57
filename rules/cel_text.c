/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/cel_internal.h"

static bool continues(const char *p) {
    return ((unsigned char)*p & 0xc0) == 0x80;
}

size_t cel_utf8_decode(const char *p, const char *end, uint32_t *c) {
    unsigned char b = (unsigned char)*p;
    if (b < 0x80) {
        *c = b;
        return 1;
    }
    size_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
    if (b < 0xc2 || b > 0xf4 || (size_t)(end - p) < n)
        return 0;
    uint32_t v = b & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (!continues(p + i))
            return 0;
        v = v << 6 | ((unsigned char)p[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return 0;
    *c = v;
    return n;
}

size_t cel_utf8_encode(uint32_t c, char out[4]) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(lead[n] | c);
    return n;
}

bool cel_utf8_valid(struct str s) {
    const char *end = s.p + s.n;
    uint32_t c;
    for (const char *p = s.p; p < end;) {
        size_t n = cel_utf8_decode(p, end, &c);
        if (!n)
            return false;
        p += n;
    }
    return true;
}

size_t cel_utf8_length(struct str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += !continues(s.p + i);
    return n;
}

size_t cel_utf8_offset(struct str s, size_t chars) {
    size_t i = 0;
    while (chars > 0 && i < s.n) {
        i++;
        while (i < s.n && continues(s.p + i))
            i++;
        chars--;
    }
    return chars ? s.n + 1 : i;
}
