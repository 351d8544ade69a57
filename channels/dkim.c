/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/dkim.h"

#include "base/arena.h"
#include "channels/email_address.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADERS_MOST 100
#define RSA_LEAST_BITS 1024
#define LINE_MOST 72 /* of the signature, folded */

struct dkim_key {
    char *domain, *selector;
    EVP_PKEY *key;
    bool ed25519;
};

/* ---- keys */

static bool is_name(const char *s) {
    char address[300];
    int n = snprintf(address, sizeof address, "x@%s", s);
    return n < (int)sizeof address && s[0] != '[' && !email_address_problem(str_from(address));
}

static EVP_PKEY *read_key(const char *pem) {
    BIO *bio = BIO_new_mem_buf(pem, -1);
    if (!bio) {
        abort();
    }
    static char no_password[] = "";
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_password);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

struct dkim_key *dkim_key_new(const char *domain, const char *selector, const char *pem,
                              struct err *e) {
    if (!is_name(domain) || !is_name(selector)) {
        err_set(e, ERR_INPUT, "dkim: `%s` is no name", is_name(domain) ? selector : domain);
        return NULL;
    }
    EVP_PKEY *key = read_key(pem);
    int kind = key ? EVP_PKEY_base_id(key) : EVP_PKEY_NONE;
    if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_ED25519) {
        err_set(e, ERR_INPUT,
                "dkim: `key` is no private RSA or Ed25519 key in PEM; make one with "
                "`openssl genrsa 2048` and write `file:PATH`");
    } else if (kind == EVP_PKEY_RSA && EVP_PKEY_bits(key) < RSA_LEAST_BITS) {
        err_set(e, ERR_INPUT, "dkim: the RSA key has %d bits; receivers want 2048, and %d at least",
                EVP_PKEY_bits(key), RSA_LEAST_BITS);
    } else {
        struct dkim_key *k = calloc(1, sizeof *k);
        if (!k || !(k->domain = strdup(domain)) || !(k->selector = strdup(selector))) {
            abort();
        }
        k->key = key;
        k->ed25519 = kind == EVP_PKEY_ED25519;
        return k;
    }
    EVP_PKEY_free(key);
    return NULL;
}

void dkim_key_free(struct dkim_key *k) {
    if (!k) {
        return;
    }
    EVP_PKEY_free(k->key);
    free(k->domain);
    free(k->selector);
    free(k);
}

/* ---- canonical form, relaxed (RFC 6376, 3.4) */

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* Runs of blanks become one space; `fold`: line ends go, as in a header. */
static void add_reduced(struct buf *out, struct str s, bool fold) {
    for (size_t i = 0; i < s.n; i++) {
        if (is_blank(s.p[i])) {
            if (i == 0 || !is_blank(out->p[out->n - 1])) {
                buf_add_char(out, ' ');
            }
        } else if (!fold || (s.p[i] != '\r' && s.p[i] != '\n')) {
            buf_add_char(out, s.p[i]);
        }
    }
}

static struct str body_form(struct arena *a, struct str body) {
    struct buf out = BUF_IN(a);
    struct str line;
    buf_reserve(&out, body.n + 2);
    while (str_split(&body, '\n', &line)) {
        while (line.n > 0 && (is_blank(line.p[line.n - 1]) || line.p[line.n - 1] == '\r')) {
            line.n--;
        }
        if (body.n == 0 && line.n == 0) {
            break; /* what is behind the last line end */
        }
        add_reduced(&out, line, false);
        buf_add_str(&out, S("\r\n"));
    }
    while (out.n >= 4 && memcmp(out.p + out.n - 4, "\r\n\r\n", 4) == 0) {
        out.n -= 2;
    }
    return out.n == 2 ? STR_NONE : buf_str(&out);
}

/* "name:value" of a field without its last line end. */
static void add_field_form(struct buf *out, struct str name, struct str value) {
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        buf_add_char(out, (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c));
    }
    buf_add_char(out, ':');
    add_reduced(out, str_trim(value), true);
}

struct field {
    struct str name, value;
};

/* The fields of the head; *body is what follows the empty line. */
static size_t read_fields(struct str mail, struct field *fields, struct str *body) {
    size_t n = 0;
    while (mail.n > 0 && !str_starts(mail, S("\r\n"))) {
        size_t end = 0;
        do {
            const char *lf = memchr(mail.p + end, '\n', mail.n - end);
            end = lf ? (size_t)(lf - mail.p) + 1 : mail.n;
        } while (end < mail.n && is_blank(mail.p[end]));
        struct str value = str_sub(mail, 0, end), name;
        (void)!str_split(&value, ':', &name);
        if (n < HEADERS_MOST) {
            fields[n++] = (struct field){str_trim(name), value};
        }
        mail = str_sub(mail, end, mail.n);
    }
    *body = str_sub(mail, 2, mail.n);
    return n;
}

/* ---- the signature */

static void add_base64(struct arena *a, struct buf *out, const unsigned char *p, size_t n,
                       bool fold) {
    char *text = arena_alloc(a, 4 * ((n + 2) / 3) + 1);
    size_t length = (size_t)EVP_EncodeBlock((unsigned char *)text, p, (int)n);
    for (size_t i = 0; i < length; i += LINE_MOST) {
        buf_add_str(out, i > 0 && fold ? S("\r\n ") : STR_NONE);
        buf_add_str(out, str_sub(str_of(text, length), i, i + LINE_MOST));
    }
}

static void sign(const struct dkim_key *k, struct arena *a, struct str text, struct buf *out) {
    unsigned char hash[SHA256_DIGEST_LENGTH];
    size_t n = (size_t)EVP_PKEY_size(k->key);
    unsigned char *signature = arena_alloc(a, n);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (k->ed25519) { /* RFC 8463, 3: of the hash, as it is */
        SHA256((const unsigned char *)text.p, text.n, hash);
        text = str_of((const char *)hash, sizeof hash);
    }
    if (!ctx ||
        EVP_DigestSignInit(ctx, NULL, k->ed25519 ? NULL : EVP_sha256(), NULL, k->key) != 1 ||
        EVP_DigestSign(ctx, signature, &n, (const unsigned char *)text.p, text.n) != 1) {
        abort(); /* the key was checked: only out of memory */
    }
    EVP_MD_CTX_free(ctx);
    add_base64(a, out, signature, n, true);
}

/* From the last to the first: of two with one name the last is signed first (RFC 6376, 5.4.2). */
static void add_names(struct buf *out, const struct field *fields, size_t n) {
    static const char *const once[] = {"From",
                                       "To",
                                       "Cc",
                                       "Subject",
                                       "Date",
                                       "Reply-To",
                                       "Message-ID",
                                       "MIME-Version",
                                       "Content-Type",
                                       "List-Unsubscribe",
                                       "List-Unsubscribe-Post"};
    size_t line = out->n, more = sizeof once / sizeof *once;
    for (size_t i = 0; i < n + more; i++) {
        struct str name = i < n ? fields[n - 1 - i].name : str_from(once[i - n]);
        buf_add_str(out, i > 0 ? S(":") : STR_NONE);
        if (out->n - line + name.n > LINE_MOST) {
            buf_add_str(out, S("\r\n "));
            line = out->n;
        }
        buf_add_str(out, name);
    }
}

void dkim_sign(const struct dkim_key *k, struct arena *a, struct str mail, int64_t seconds,
               struct buf *out) {
    struct field fields[HEADERS_MOST];
    struct str body;
    unsigned char hash[SHA256_DIGEST_LENGTH];
    size_t n = read_fields(mail, fields, &body);
    struct buf value = BUF_IN(a), signed_form = BUF_IN(a);
    body = body_form(a, body);
    SHA256((const unsigned char *)(body.n > 0 ? body.p : ""), body.n, hash);
    buf_printf(&value, " v=1; a=%s; c=relaxed/relaxed;\r\n d=%s; s=%s; t=%lld;\r\n h=",
               k->ed25519 ? "ed25519-sha256" : "rsa-sha256", k->domain, k->selector,
               (long long)seconds);
    add_names(&value, fields, n);
    buf_add_str(&value, S(";\r\n bh="));
    add_base64(a, &value, hash, sizeof hash, false);
    buf_add_str(&value, S(";\r\n b="));
    for (size_t i = n; i-- > 0;) {
        add_field_form(&signed_form, fields[i].name, fields[i].value);
        buf_add_str(&signed_form, S("\r\n"));
    }
    add_field_form(&signed_form, S("DKIM-Signature"), buf_str(&value));
    sign(k, a, buf_str(&signed_form), &value);
    buf_printf(out, "DKIM-Signature:%.*s\r\n", STR_FMT(buf_str(&value)));
}
