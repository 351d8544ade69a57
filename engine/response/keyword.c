/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/keyword.h"

#define KEY_BYTES 64 /* a longer message is no keyword */

static const struct {
    enum settings_keyword meaning;
    const char *words; /* as fold() leaves them, with spaces between */
} standard[] = {
    {KEYWORD_STOP,
     "stop stopall unsubscribe cancel end quit revoke optout 退訂 取消 取消訂閱 停止 停止訂閱 "
     "拒收 退出 退订 取消订阅 停止订阅"},
    {KEYWORD_START, "start yes unstop 訂閱 重新訂閱 恢復 恢復訂閱 開始 订阅"},
    {KEYWORD_HELP, "help info 幫助 說明 協助 客服 帮助"},
};

/* Punctuation that people put around or between words, in ASCII and in CJK. */
static bool is_noise(uint32_t c) {
    return c <= 0x20 || (c < 0x80 && strchr("!\"'().,-_:;?*[]{}<>/\\`~", (int)c)) || c == 0xa0 ||
           (c >= 0x2010 && c <= 0x2027) || (c >= 0x3000 && c <= 0x3011) || c == 0xfe0f ||
           c == 0x200b || c == 0xfeff;
}

/* Lower case, narrow, without noise; false: it is too long, or no UTF-8. */
static bool fold(struct str text, char out[KEY_BYTES], size_t *n) {
    *n = 0;
    for (size_t i = 0, one; i < text.n; i += one) {
        uint32_t c;
        if (!(one = str_utf8(str_sub(text, i, text.n), &c)))
            return false;
        uint32_t narrow = c >= 0xff01 && c <= 0xff5e ? c - 0xfee0 : c;
        if (is_noise(narrow))
            continue;
        if (*n + one > KEY_BYTES)
            return false;
        if (narrow >= 'A' && narrow <= 'Z')
            narrow += 'a' - 'A';
        if (narrow < 0x80) {
            out[(*n)++] = (char)narrow;
        } else {
            memcpy(out + *n, text.p + i, one);
            *n += one;
        }
    }
    return *n > 0;
}

static bool is_own(const struct settings_channel *c, int meaning, struct str folded) {
    char word[KEY_BYTES];
    size_t n;
    for (size_t i = 0; i < c->n_keywords[meaning]; i++)
        if (fold(c->keywords[meaning][i], word, &n) && str_eq(str_of(word, n), folded))
            return true;
    return false;
}

int keyword_of(const struct settings_channel *c, struct str text) {
    char key[KEY_BYTES];
    size_t n;
    if (!fold(text, key, &n))
        return -1;
    struct str folded = str_of(key, n), words, word;
    for (int i = 0; i < SETTINGS_KEYWORDS; i++)
        if (is_own(c, i, folded))
            return i;
    for (size_t i = 0; i < sizeof standard / sizeof *standard; i++) {
        words = str_from(standard[i].words);
        while (str_split(&words, ' ', &word))
            if (str_eq(word, folded))
                return (int)standard[i].meaning;
    }
    return -1;
}
