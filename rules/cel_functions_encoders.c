/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.encode and base64.decode (standard alphabet; padding may be left out).
 */
#include "config.h"

#include "rules/cel_internal.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static struct value encode(struct cel_run *run, const struct cel_node *n,
                           const struct value *args) {
    struct str s = value_text(args[0]);
    struct buf b = BUF_IN(run->arena);
    if (!cel_step(run, s.n / 32))
        return cel_error(CEL_E_STEPS, n);
    for (size_t i = 0; i < s.n; i += 3) {
        size_t k = s.n - i < 3 ? s.n - i : 3;
        uint32_t v = 0;
        for (size_t j = 0; j < 3; j++)
            v = v << 8 | (j < k ? (unsigned char)s.p[i + j] : 0u);
        for (size_t j = 0; j < 4; j++)
            buf_add_char(&b, j <= k ? alphabet[v >> (18 - 6 * j) & 63] : '=');
    }
    return value_str(b.n ? buf_str(&b) : S(""));
}

static struct value decode(struct cel_run *run, const struct cel_node *n,
                           const struct value *args) {
    struct str s = value_text(args[0]);
    struct buf b = BUF_IN(run->arena);
    if (!cel_step(run, s.n / 32))
        return cel_error(CEL_E_STEPS, n);
    size_t end = s.n, padding = 0;
    while (end > 0 && padding < 2 && s.p[end - 1] == '=') {
        end--;
        padding++;
    }
    bool ok = end % 4 != 1 && (padding == 0 || s.n % 4 == 0);
    uint32_t v = 0;
    for (size_t i = 0; ok && i < end; i++) {
        const char *at = s.p[i] ? strchr(alphabet, s.p[i]) : NULL;
        ok = at != NULL;
        v = v << 6 | (ok ? (uint32_t)(at - alphabet) : 0u);
        if (i % 4 != 0)
            buf_add_char(&b, (char)(v >> (6 - 2 * (i % 4)) & 0xff));
    }
    if (!ok)
        return cel_fail(run, "the text is not base64");
    return value_bytes(b.n ? buf_str(&b) : S(""));
}

const struct cel_function cel_functions_encoders[] = {
    {"base64.encode", "y", "s", encode},
    {"base64.decode", "s", "y", decode},
    {0},
};
