/* SPDX-License-Identifier: Apache-2.0
 *
 * settings: godwit.yaml, read and checked. Plain data; secrets stay as written
 * (env:NAME, file:PATH) and are looked up only when they are used (engine/secret.h).
 *
 * Lives in the workspace's arena, immutable. The channels' settings are checked against the
 * tables of their drivers.
 */
#ifndef GODWIT_ENGINE_SETTINGS_H
#define GODWIT_ENGINE_SETTINGS_H

#include "base/diag.h"
#include "base/rate.h"
#include "base/value.h"
#include "base/yamlfile.h"
#include "channels/channel.h"
#include "engine/address.h"
#include "rules/campaign.h"

struct form;
struct zone;

/* What happens to a message whose fate is unknown after a crash. */
enum in_doubt { IN_DOUBT_RESEND, IN_DOUBT_HOLD };

/* What a channel carries; decides which parts of a template and which address it needs. */
enum channel_carries { CARRIES_EMAIL, CARRIES_SMS, CARRIES_WEBHOOK };

struct settings_domain {
    struct str domain; /* lower case; "*": each other one */
    double per_s;
};

struct settings_warmup {
    int64_t per_day; /* on the first day; 0: no warm-up */
    double growth;   /* from day to day, 1 or more */
};

/* What a word of an inbound SMS does. */
enum settings_keyword { KEYWORD_STOP, KEYWORD_START, KEYWORD_HELP, SETTINGS_KEYWORDS };

struct settings_channel {
    struct str name;
    struct str driver;
    enum channel_carries carries;
    enum address_kind address;
    enum in_doubt in_doubt;
    double rate_per_s; /* 0: no limit */
    const struct settings_domain *domains;
    size_t n_domains;
    struct settings_warmup warmup;
    int64_t retry_us; /* first delay of a deferred message; 0: the standard one */
    size_t in_flight; /* messages handed over and not settled at most; 0: as many as connections */
    const struct str *keywords[SETTINGS_KEYWORDS]; /* beside the standard ones */
    size_t n_keywords[SETTINGS_KEYWORDS];
    struct str replies[SETTINGS_KEYWORDS]; /* empty: the standard one, or none */
    double segment_cost;                   /* of SMS, in the workspace's currency; 0: not known */
    struct value settings;    /* map: what stands beside the keys above; for the driver */
    struct place at;          /* of the name */
    const struct ynode *node; /* the map in the file, to place a driver's complaints */
};

struct settings_topic {
    struct str name;
    struct value title; /* map: locale -> text; a title without locale is under "" */
    int subscribed;     /* 1: those who said nothing are; 0: they are not */
    bool confirm;       /* a subscription waits until the person has confirmed it */
    struct place at;
};

struct settings_sender {
    struct str name;
    struct str email;
    struct str reply_to;       /* may be empty */
    struct str postal_address; /* may be empty; mail about a topic needs it */
    struct str bounces;        /* where bounces go, with a token behind a +; empty: to `email` */
};

/* Where mail comes in: either a Maildir or a mailbox that is asked. */
struct settings_source {
    struct str maildir; /* its path, as written; empty: */
    struct str url;     /* imap:// imaps:// pop3:// pop3s:// */
    struct str username, password;
    struct str ca_file; /* may be empty */
    struct str move_to; /* IMAP folder or Maildir; empty: what was read is deleted */
    int64_t every_us;
};

/* What follows from bounces. */
struct settings_bounces {
    int64_t soft_most;    /* in a row suppress an address, */
    int64_t soft_over_us; /* if they came over at least this time */
    int64_t pause_us;     /* of a domain that refuses us */
};

struct settings_tracking {
    struct str listen;     /* "127.0.0.1:8080"; empty: nothing listens */
    struct str public_url; /* without a slash at its end; empty: links stay as they are */
    const struct str *write_keys;
    size_t n_write_keys;
    bool opens, clicks; /* whether HTML gets a pixel, links lead through public_url */
    bool decoys;        /* whether HTML gets a link that no person sees */
};

/* How many messages a customer may get in all. */
struct settings_cap {
    int64_t most;
    int64_t span_us;           /* rolling; 0: the calendar's `unit` in the customer's zone */
    int unit;                  /* enum calendar_unit */
    struct str text;           /* "3 per 7d", "1 per day": as written */
    struct str channel, topic; /* empty: any */
    bool transactional;        /* counts and holds transactional messages as well */
};

struct settings {
    bool embedded;       /* database: embedded */
    struct str database; /* else: a libpq URL, or env:/file: of one */
    struct settings_sender sender;
    struct str timezone; /* "UTC" by default */
    struct str currency; /* ISO 4217; may be empty */
    const struct zone *zone;
    const struct settings_channel *channels;
    size_t n_channels;
    const struct settings_topic *topics;
    size_t n_topics;
    struct settings_tracking tracking;
    const struct settings_source *inbound;
    size_t n_inbound;
    struct settings_bounces bounces;
    const struct settings_cap *caps;
    size_t n_caps;
    struct campaign_window quiet_hours; /* when nothing leaves; from == to: there are none */
    struct yamlfile file;               /* for places in later complaints */
};

/* Mistakes go to d; what could be read is in *out, defaults for the rest. */
void settings_read(struct arena *a, const struct yamlfile *file, struct settings *out,
                   struct diags *d);

const struct settings_channel *settings_channel(const struct settings *c, struct str name);
enum channel_kind settings_channel_kind(const struct settings_channel *c);
const struct settings_topic *settings_topic(const struct settings *c, struct str name);

extern const struct form settings_form; /* for JSON Schema and the reference docs */

#endif
