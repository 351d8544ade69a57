/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "channels/relay_settings.h"

#include "channels/dkim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The order of both tables. */
enum {
    SET_HOST,
    SET_PORT,
    SET_RELAYS,
    SET_CONNECTIONS,
    SET_USERNAME,
    SET_PASSWORD,
    SET_TLS,
    SET_VERIFY,
    SET_CA_FILE,
    SET_HELO,
    SET_DSN,
    SET_DKIM,
    SET_CONNECT_TIMEOUT,
    SET_REPLY_TIMEOUT,
    SET_DOT_TIMEOUT,
    SET_IDLE,
    SET_PER_CONNECTION
};

/* Of an item of `relays`. */
enum { OF_HOST, OF_PORT, OF_WEIGHT, OF_USERNAME, OF_PASSWORD, OF_TLS, OF_VERIFY, OF_CA_FILE };

#define ITEMS(tls, words)                                                                      \
    {                                                                                          \
        [OF_HOST] = {"host", CHANNEL_TEXT, .required = true,                                   \
                     .help = "The relay's name or address."},                                  \
        [OF_PORT] = {"port", CHANNEL_INTEGER, .least = 1, .most = 65535, .help = "Its port."}, \
        [OF_WEIGHT] =                                                                          \
            {"weight",     CHANNEL_INTEGER,                                                    \
             "1",          .least = 1,                                                         \
             .most = 1000, .help = "Its share of the messages, as against the others'."},      \
        [OF_USERNAME] = {"username", CHANNEL_TEXT, .help = "Its login."},                      \
        [OF_PASSWORD] = {"password", CHANNEL_TEXT, .secret = true,                             \
                         .help = "Password of its login."},                                    \
        [OF_TLS] = {tls, CHANNEL_CHOICE, .choices = words, .help = "How it is spoken to."},    \
        [OF_VERIFY] = {"verify", CHANNEL_BOOLEAN, .help = "Check its certificate."},           \
        [OF_CA_FILE] = {"ca_file", CHANNEL_TEXT, .help = "Authorities to trust for it."}, {    \
            0                                                                                  \
        }                                                                                      \
    }

enum { OF_DOMAIN, OF_SELECTOR, OF_KEY };

static const struct channel_setting dkim_items[] = {
    [OF_DOMAIN] = {"domain", CHANNEL_TEXT, .required = true,
                   .help = "The domain that signs; for DMARC that of the sender's address."},
    [OF_SELECTOR] = {"selector", CHANNEL_TEXT, .required = true,
                     .help = "Where the public key is in the DNS: SELECTOR._domainkey.DOMAIN."},
    [OF_KEY] = {"key", CHANNEL_TEXT, .required = true, .secret = true,
                .help = "The private key in PEM, `file:PATH`: RSA of 2048 bits, or Ed25519."},
    {0}};

static const struct channel_setting smtp_relays[] = ITEMS("starttls", "off|opportunistic|required");
static const struct channel_setting smtps_relays[] = ITEMS("tls", "implicit|starttls|off");

#define RELAYS_HELP                                                                           \
    "Several relays instead of `host`: messages are spread by weight, one that fails is set " \
    "aside and tried again later. What an item does not say is as beside the list."

#define SHARED(items)                                                                              \
    [SET_RELAYS] = {"relays", CHANNEL_LIST, .of = items, .help = RELAYS_HELP},                     \
    [SET_CONNECTIONS] = {"connections",                                                            \
                         CHANNEL_INTEGER,                                                          \
                         "16",                                                                     \
                         .least = 1,                                                               \
                         .most = 256,                                                              \
                         .help = "Connections at most, and so messages on their way at once."},    \
    [SET_USERNAME] = {"username", CHANNEL_TEXT, .help = "Login; without it none is tried."},       \
    [SET_PASSWORD] = {"password", CHANNEL_TEXT, .secret = true, .help = "Password of the login."}, \
    [SET_CA_FILE] = {"ca_file", CHANNEL_TEXT,                                                      \
                     .help = "PEM file of the authorities to trust instead of the system's."},     \
    [SET_HELO] = {"helo", CHANNEL_TEXT,                                                            \
                  .help = "The name to give at EHLO; the machine's own by default."},              \
    [SET_DSN] = {"dsn", CHANNEL_BOOLEAN, "true",                                                   \
                 .help = "Where the relay offers DSN, ask it to report failures and delays with "  \
                         "the headers alone and the message's id (RFC 3461)."},                    \
    [SET_DKIM] = {"dkim", CHANNEL_LIST, .of = dkim_items,                                          \
                  .help = "Signs each mail (DKIM); a list of two signs twice, with RSA and "       \
                          "Ed25519. Leave it out where the relay signs."},                         \
    [SET_CONNECT_TIMEOUT] = {"connect_timeout",                                                    \
                             CHANNEL_DURATION,                                                     \
                             "30s",                                                                \
                             .least = 100,                                                         \
                             .most = 600000,                                                       \
                             .help = "For a connection to be made."},                              \
    [SET_REPLY_TIMEOUT] = {"reply_timeout",                                                        \
                           CHANNEL_DURATION,                                                       \
                           "5m",                                                                   \
                           .least = 1000,                                                          \
                           .most = 3600000,                                                        \
                           .help = "For the reply to any command."},                               \
    [SET_DOT_TIMEOUT] = {"dot_timeout",                                                            \
                         CHANNEL_DURATION,                                                         \
                         "10m",                                                                    \
                         .least = 1000,                                                            \
                         .most = 3600000,                                                          \
                         .help = "For the reply to a whole message. Giving up here leaves the "    \
                                 "message in doubt, so it is long."},                              \
    [SET_IDLE] = {"idle_timeout", CHANNEL_DURATION,                                                \
                  "5s",           .least = 1,                                                      \
                  .most = 600000, .help = "A connection without work is closed after this time."}, \
    [SET_PER_CONNECTION] = {"messages_per_connection",                                             \
                            CHANNEL_INTEGER,                                                       \
                            "100",                                                                 \
                            .least = 1,                                                            \
                            .most = 1000,                                                          \
                            .help = "Then a fresh connection is made."}

const struct channel_setting relay_settings_smtp[] = {
    [SET_HOST] = {"host", CHANNEL_TEXT, .required = true, .unless = "relays",
                  .help = "The relay's name or IPv4 address."},
    [SET_PORT] = {"port", CHANNEL_INTEGER, "587", .least = 1, .most = 65535,
                  .help = "Its port; 25 for a relay of your own, 587 for a provider's."},
    [SET_TLS] = {"starttls", CHANNEL_CHOICE, "opportunistic",
                 .choices = "off|opportunistic|required",
                 .help = "Encrypt never, when the relay offers it (certificate not checked), "
                         "or always. With a username and a host that is not this machine, "
                         "opportunistic means required."},
    [SET_VERIFY] = {"verify", CHANNEL_BOOLEAN, "true",
                    .help = "Check the relay's certificate when starttls is required."},
    SHARED(smtp_relays), /* the last of the table is among them */
    {0}};

const struct channel_setting relay_settings_smtps[] = {
    [SET_HOST] = {"host", CHANNEL_TEXT, .required = true, .unless = "relays",
                  .help = "The relay's name or address, IPv6 as well."},
    [SET_PORT] = {"port", CHANNEL_INTEGER, "465", .least = 1, .most = 65535,
                  .help = "Its port; 465 for TLS from the first byte, 587 for STARTTLS."},
    [SET_TLS] = {"tls", CHANNEL_CHOICE, "implicit", .choices = "implicit|starttls|off",
                 .help = "TLS from the first byte, or by STARTTLS, and not without; or off, for a "
                         "relay near by."},
    [SET_VERIFY] = {"verify", CHANNEL_BOOLEAN, "true", .help = "Check the relay's certificate."},
    SHARED(smtps_relays),
    {0}};

/* ---- reading */

static char *copy(const char *text) {
    char *out = text ? strdup(text) : NULL;
    if (text && !out) {
        abort();
    }
    return out;
}

static bool is_local(const char *host) {
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0;
}

static enum relay_tls tls_of(const char *word) {
    static const struct {
        const char *word;
        enum relay_tls tls;
    } words[] = {{"off", RELAY_TLS_OFF},
                 {"opportunistic", RELAY_TLS_OPPORTUNISTIC},
                 {"required", RELAY_TLS_REQUIRED},
                 {"starttls", RELAY_TLS_REQUIRED}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i].word) == 0) {
            return words[i].tls;
        }
    }
    return RELAY_TLS_IMPLICIT;
}

/* What an item does not say is as beside the list. `item` is NULL for `host`. */
static void read_relay(struct relay *r, const struct channel_value *all,
                       const struct channel_value *item) {
    static const struct channel_value nothing;
#define PICK(of, set) \
    (item && item[of].given ? &item[of] : item && (of) == OF_HOST ? &nothing : &all[set])
    char name[400];
    r->host = copy(PICK(OF_HOST, SET_HOST)->text);
    r->port = (int)PICK(OF_PORT, SET_PORT)->integer;
    bool own_login = item && (item[OF_USERNAME].given || item[OF_PASSWORD].given);
    const struct channel_value *user = own_login ? &item[OF_USERNAME] : &all[SET_USERNAME];
    const struct channel_value *pass = own_login ? &item[OF_PASSWORD] : &all[SET_PASSWORD];
    r->username = copy(user->text);
    r->password = copy(pass->text);
    r->tls = tls_of(PICK(OF_TLS, SET_TLS)->text);
    if (r->tls == RELAY_TLS_OPPORTUNISTIC && r->username && !is_local(r->host)) {
        r->tls = RELAY_TLS_REQUIRED; /* a password must not go where anyone listens */
    }
    r->verify = r->tls >= RELAY_TLS_REQUIRED && PICK(OF_VERIFY, SET_VERIFY)->boolean;
    r->ca_file = copy(PICK(OF_CA_FILE, SET_CA_FILE)->text);
    snprintf(name, sizeof name, strchr(r->host, ':') ? "[%s]:%d" : "%s:%d", r->host, r->port);
    r->name = copy(name);
#undef PICK
}

static const char *wrong_with(const struct relay *r) {
    if (r->host[0] == '\0' || strlen(r->host) > 255 || strpbrk(r->host, " \t\r\n/@[]?#%")) {
        return "`host` must be a name or an address, without port";
    }
    if (!r->username != !r->password) {
        return "`username` and `password` belong together; give both or neither";
    }
    return r->ca_file && access(r->ca_file, R_OK) != 0 ? "`ca_file` cannot be read" : NULL;
}

static bool read_relays(struct relay_settings *s, const struct channel_value *v,
                        struct channel_error *e) {
    const char *wrong = NULL, *names[RELAY_POOL_MOST];
    int weights[RELAY_POOL_MOST];
    const struct channel_value *list = &v[SET_RELAYS];
    size_t n = list->given ? list->count : 1;
    if (list->given && v[SET_HOST].given) {
        wrong = "give `host` or `relays`, not both";
    } else if (n > RELAY_POOL_MOST) {
        wrong = "`relays` has more than 32 of them";
    }
    s->relays = wrong ? NULL : calloc(n, sizeof *s->relays);
    if (!wrong && !s->relays) {
        abort();
    }
    for (size_t i = 0; !wrong && i < n; i++) {
        const struct channel_value *item = list->given ? list->items[i] : NULL;
        read_relay(&s->relays[s->n++], v, item);
        wrong = wrong_with(&s->relays[i]);
        names[i] = s->relays[i].name;
        weights[i] = item ? (int)item[OF_WEIGHT].integer : 1;
    }
    if (!wrong && v[SET_HELO].given && strpbrk(v[SET_HELO].text, " \t\r\n/%?#")) {
        wrong = "`helo` must be one name";
    }
    if (wrong) {
        snprintf(e->text, sizeof e->text, "%s", wrong);
        return false;
    }
    s->pool = relay_pool_new(names, weights, n);
    return true;
}

static bool read_dkim(struct relay_settings *s, const struct channel_value *list,
                      struct channel_error *e) {
    struct err why = ERR_INIT;
    s->dkim = calloc(list->count + 1, sizeof *s->dkim);
    if (!s->dkim) {
        abort();
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct channel_value *v = list->items[i];
        s->dkim[i] = dkim_key_new(v[OF_DOMAIN].text, v[OF_SELECTOR].text, v[OF_KEY].text, &why);
        if (!s->dkim[i]) {
            snprintf(e->text, sizeof e->text, "%.490s", why.text);
            return false;
        }
    }
    return true;
}

bool relay_settings_read(struct relay_settings *out, const struct channel_value *v,
                         struct channel_error *e) {
    *out = (struct relay_settings){0};
    out->helo = copy(v[SET_HELO].text);
    out->dsn = v[SET_DSN].boolean;
    out->connections = (size_t)v[SET_CONNECTIONS].integer;
    out->connect_ms = (int)v[SET_CONNECT_TIMEOUT].integer;
    out->reply_ms = (int)v[SET_REPLY_TIMEOUT].integer;
    out->dot_ms = (int)v[SET_DOT_TIMEOUT].integer;
    out->idle_ms = (int)v[SET_IDLE].integer;
    out->most_messages = (int)v[SET_PER_CONNECTION].integer;
    return read_dkim(out, &v[SET_DKIM], e) && read_relays(out, v, e);
}

void relay_settings_close(struct relay_settings *s) {
    for (size_t i = 0; i < s->n; i++) {
        struct relay *r = &s->relays[i];
        free(r->host);
        free(r->name);
        free(r->username);
        free(r->password);
        free(r->ca_file);
    }
    for (size_t i = 0; s->dkim && s->dkim[i]; i++) {
        dkim_key_free(s->dkim[i]);
    }
    free(s->dkim);
    free(s->relays);
    free(s->helo);
    relay_pool_free(s->pool);
}

int64_t relay_settings_login_pause(const struct relay *r, uint64_t now_ns) {
    uint64_t at = atomic_load(&r->login_refused_at);
    uint64_t past_ms = at == 0 || now_ns < at ? 0 : (now_ns - at) / 1000000;
    return at == 0 || past_ms >= RELAY_LOGIN_PAUSE_MS ? 0
                                                      : (int64_t)(RELAY_LOGIN_PAUSE_MS - past_ms);
}
