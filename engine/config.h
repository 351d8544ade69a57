/* SPDX-License-Identifier: Apache-2.0
 *
 * config: godwit.yaml, read and checked. Plain data; secrets stay as written
 * (env:NAME, file:PATH) and are looked up only when they are used (engine/secret.h).
 *
 * Lives in the workspace's arena, immutable. config_read() is pure.
 */
#ifndef GODWIT_ENGINE_CONFIG_H
#define GODWIT_ENGINE_CONFIG_H

#include "base/diag.h"
#include "base/value.h"
#include "base/yamlfile.h"

struct form;
struct zone;

/* What a message of the channel needs to know of the customer. */
enum address_kind {
    ADDRESS_EMAIL, /* customer.email */
    ADDRESS_PHONE, /* customer.phone */
    ADDRESS_NONE   /* nothing: the channel's own URL; the customer's key stands as address */
};

enum in_doubt { IN_DOUBT_RESEND, IN_DOUBT_HOLD };

struct config_channel {
    struct str name;
    struct str driver;
    enum address_kind address;
    enum in_doubt in_doubt;
    struct value settings;    /* map: what stands beside driver and in_doubt; for the driver */
    struct place at;          /* of the name */
    const struct ynode *node; /* the map in the file, to place a driver's complaints */
};

struct config_topic {
    struct str name;
    struct value title; /* map: locale -> text */
    bool subscribed;    /* those who said nothing are */
    struct place at;
};

struct config_sender {
    struct str name;
    struct str email;
    struct str reply_to;       /* may be empty */
    struct str postal_address; /* may be empty; marketing mail needs it */
};

struct config_tracking {
    struct str listen;     /* "127.0.0.1:8080"; empty: nothing listens */
    struct str public_url; /* without a trailing slash; empty: links stay as they are */
    const struct str *write_keys;
    size_t n_write_keys;
};

struct config {
    bool embedded;       /* database: embedded */
    struct str database; /* else: a libpq URL, or env:/file: of one */
    struct config_sender sender;
    struct str timezone; /* "UTC" by default */
    const struct zone *zone;
    const struct config_channel *channels;
    size_t n_channels;
    const struct config_topic *topics;
    size_t n_topics;
    struct config_tracking tracking;
    struct value limits;  /* map, as written; empty in this version */
    struct yamlfile file; /* for places in later complaints */
};

/* Mistakes go to d; what could be read is in *out, defaults for the rest. */
void config_read(struct arena *a, const struct yamlfile *file, struct config *out, struct diags *d);

const struct config_channel *config_channel(const struct config *c, struct str name);
const struct config_topic *config_topic(const struct config *c, struct str name);

const char *config_address_name(enum address_kind kind); /* "email address", ... */

extern const struct form config_form; /* for JSON Schema and the reference docs */

#endif
