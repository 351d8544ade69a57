/* SPDX-License-Identifier: Apache-2.0
 *
 * channel: the one contract between Godwit and what carries a message away.
 *
 * A driver is a table of functions (struct channel_driver). It gets rendered
 * messages, tries each once, and says what came of it. It sees no SQL, no
 * campaign and no policy: whether and when to try again is the host's business.
 *
 * This header is installed and is all that a driver built outside the tree
 * needs: such a driver exports
 *     const struct channel_driver godwit_channel_driver = { .abi = CHANNEL_ABI, ... };
 * and is put into $libdir/godwit/channels/NAME.so.
 *
 * Threads: every function of the table is called on the loop's thread, and every
 * callback of the host is to be called there. A driver may have threads of its own.
 * Nothing here may block the loop.
 */
#ifndef GODWIT_CHANNEL_H
#define GODWIT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Raised whenever a struct or enum of this header changes. */
#define CHANNEL_ABI 2

/* The symbol that a driver outside the tree exports. */
#define CHANNEL_SYMBOL "godwit_channel_driver"

/* Bytes with a length, UTF-8 unless said otherwise; n == 0 means absent. */
struct channel_text {
    const char *p;
    size_t n;
};

/* ---- messages */

enum channel_kind { /* bits: a driver may serve several */
                    CHANNEL_EMAIL = 1,
                    CHANNEL_SMS = 2,
                    CHANNEL_WEBHOOK = 4
};

struct channel_header {
    struct channel_text name;
    struct channel_text value; /* UTF-8; encoded and folded by the driver */
};

/* A file that goes with a mail. */
struct channel_attachment {
    struct channel_text name; /* UTF-8, no path */
    struct channel_text type; /* "application/pdf" */
    struct channel_text data; /* bytes */
};

/* One rendered message to one recipient. The struct and all it points at are
 * borrowed by the driver from submit() until done(). */
struct channel_message {
    uint64_t ref;                /* the host's own number for it; opaque */
    enum channel_kind kind;      /* one of them */
    struct channel_text id;      /* idempotency key: the same on every attempt, printable ASCII */
    int64_t date_us;             /* microseconds since 1970 UTC: the same on every attempt */
    struct channel_text to;      /* address, number or URL */
    struct channel_text to_name; /* email only; may be absent */
    struct channel_text envelope_from; /* email: where bounces go; absent: from_address */
    struct channel_text from_name;
    struct channel_text from_address; /* email address, or sender number/name for SMS */
    struct channel_text reply_to;     /* email address; may be absent */
    struct channel_text message_id;   /* email: "<unique@domain>", the same on every attempt */
    struct channel_text subject;      /* email */
    struct channel_text text;         /* email: plain text part */
    struct channel_text html;         /* email: HTML part */
    struct channel_text sms;          /* SMS text */
    struct channel_text body;         /* webhook: JSON */
    /* Names the message to receive(): letters, digits, - and _; absent: nobody listens. */
    struct channel_text reference;
    struct channel_text receipt_url; /* where the provider is to report on it; holds `reference` */
    const struct channel_header *headers; /* further headers: List-Unsubscribe, Feedback-ID, ... */
    size_t header_count;
    const struct channel_attachment *attachments; /* email */
    size_t attachment_count;
};

/* ---- results */

enum channel_outcome {
    CHANNEL_ACCEPTED, /* the peer answers for it from here on */
    CHANNEL_REFUSED,  /* for good: the same message must not be tried again as it is */
    CHANNEL_DEFERRED, /* the peer saw this message and said: later */
    CHANNEL_DOUBT,    /* handed over, and the answer was lost: it may have been accepted */
    CHANNEL_UNSENT    /* never reached the peer as a message: costs no attempt */
};

/* Whose fault it is; meaningless for CHANNEL_ACCEPTED. */
enum channel_subject {
    CHANNEL_SUBJECT_NONE,
    CHANNEL_SUBJECT_ADDRESS,    /* this recipient: unknown, full, malformed */
    CHANNEL_SUBJECT_MESSAGE,    /* this message: too big, bad header, content refused */
    CHANNEL_SUBJECT_CHANNEL,    /* our login, sender, certificate or settings: all messages */
    CHANNEL_SUBJECT_DESTINATION /* the peer is down, busy or unreachable: all messages */
};

/* The texts are the driver's and live until done() returns. */
struct channel_result {
    enum channel_outcome outcome;
    enum channel_subject subject;
    int code;                   /* the peer's: SMTP reply, HTTP status; 0: it gave none */
    char enhanced[12];          /* RFC 3463 "5.1.1", or "" */
    struct channel_text reason; /* one line, valid UTF-8, no control characters, <= 500 bytes */
    struct channel_text provider_id; /* queue id, sid, ...; absent when there is none */
    int64_t retry_after_ms;          /* the peer's or driver's advice; -1: none */
    int segments;                    /* SMS; 0 elsewhere */
};

/* ---- what providers tell afterwards: receipts, and what people wrote back */

enum channel_report_kind {
    CHANNEL_PROGRESS,  /* queued, accepted by the network: it is on its way */
    CHANNEL_DELIVERED, /* the recipient's device has it */
    CHANNEL_BOUNCED,   /* it will not arrive */
    CHANNEL_INBOUND    /* somebody wrote to us */
};

/* Why it will not arrive. */
enum channel_bounce {
    CHANNEL_BOUNCE_SOFT,   /* not now: switched off, full */
    CHANNEL_BOUNCE_HARD,   /* never: no such number; nobody is to be written to there again */
    CHANNEL_BOUNCE_POLICY, /* blocked or filtered: our fault, or the message's */
};

/* One thing that a provider tells. The message is named by `reference` or `provider_id`, or by
 * the URL that the request came to (channel_hook.reference). */
struct channel_report {
    enum channel_report_kind kind;
    enum channel_bounce bounce; /* of CHANNEL_BOUNCED */
    struct channel_text reference;
    struct channel_text provider_id; /* of the message that we sent, or of the inbound one */
    struct channel_text code;        /* the provider's, of a bounce */
    struct channel_text text;        /* of an inbound message; of a bounce: what is said of it */
    struct channel_text from, to;    /* of an inbound message: the numbers */
    int64_t at_us;                   /* when it happened; 0: not told */
};

/* A request that came to the channel's hook. All texts are the host's and live until receive() and
 * answer() have returned. */
struct channel_hook {
    void *owner; /* the host's own */
    bool post;   /* otherwise GET */
    /* Not empty: the URL ended in the reference of a message, and the host has checked that it made
     * it: whoever calls knows a secret that only the provider was told. */
    struct channel_text reference;
    struct channel_text url;   /* as the provider called it, public_url first; with the query */
    struct channel_text query; /* behind the ?, as it was sent */
    struct channel_text body;
    struct channel_text (*header)(const struct channel_hook *hook, const char *name);
    /* Hands over one report; copied. */
    void (*report)(const struct channel_hook *hook, const struct channel_report *report);
    /* Appends to the body of the answer. */
    void (*write)(const struct channel_hook *hook, const char *bytes, size_t n);
};

enum channel_hook_result {
    CHANNEL_HOOK_TAKEN,      /* read, and reported what there was; perhaps nothing */
    CHANNEL_HOOK_FORBIDDEN,  /* not the provider's: signature or secret is missing or wrong */
    CHANNEL_HOOK_UNREADABLE, /* the provider's, but not what it sends */
};

/* ---- settings */

enum channel_type {
    CHANNEL_TEXT,     /* value.text */
    CHANNEL_INTEGER,  /* value.integer, within least..most */
    CHANNEL_BOOLEAN,  /* value.boolean */
    CHANNEL_DURATION, /* value.integer in milliseconds; written "30s", "5m"; within least..most */
    CHANNEL_CHOICE,   /* value.text, one of the words of `choices` */
    CHANNEL_LIST      /* value.items: maps with the settings `of`; one map is a list of one */
};

/* One setting: the table is the source of the checks and of the reference docs. */
struct channel_setting {
    const char *name; /* NULL ends the table */
    enum channel_type type;
    const char *standard; /* the default, written as a user would; NULL: none */
    bool required;
    bool secret;         /* never logged or shown; to be written as env:NAME or file:PATH */
    int64_t least, most; /* of an integer or duration (ms); both 0: any value >= 0 */
    const char *choices; /* "off|opportunistic|required" */
    const char *help;    /* a sentence for operators */
    const char *unless;  /* a required one may be missing when this other setting is given */
    const struct channel_setting *of; /* of a list: the settings of each item, no list among them */
};

/* The checked value of one setting, in the order of the driver's table. */
struct channel_value {
    bool given; /* by the user or by a default; false: the rest is zero */
    bool boolean;
    int64_t integer;
    const char *text; /* ended by NUL; valid during the call that got it, like the items */
    const struct channel_value *const *items; /* of a list: the values of each item */
    size_t count;                             /* of items */
};

/* ---- host */

enum channel_level { CHANNEL_LOG_DEBUG, CHANNEL_LOG_INFO, CHANNEL_LOG_WARN, CHANNEL_LOG_ERROR };

/* What the host offers to a driver; outlives the channel. */
struct channel_host {
    void *owner;        /* the host's own */
    void *loop;         /* the uv_loop_t on whose thread all this runs */
    const char *name;   /* the channel's name in godwit.yaml */
    const char *folder; /* where the channel may keep files; exists; NULL: nowhere */
    /* Exactly once for each submitted message, on the loop's thread, and never from inside
     * open(), submit() or close(). The host may call submit() from inside it. */
    void (*done)(const struct channel_host *host, uint64_t ref,
                 const struct channel_result *result);
    /* Changes of the channel's state only, never a line for a message; no secrets. */
    void (*log)(const struct channel_host *host, enum channel_level level, const char *text);
};

struct channel; /* an open channel; each driver defines its own */

struct channel_error {
    char text[500]; /* a sentence for operators: what is wrong, and what to do */
};

/* ---- driver */

enum channel_flag {
    CHANNEL_CAN_DOUBT = 1,     /* CHANNEL_DOUBT may come out of it */
    CHANNEL_NEEDS_ADDRESS = 2, /* a message without `to` is of no use */
    CHANNEL_SENDS_NOTHING = 4  /* rehearsals: accepted means written or looked at, not sent */
};

struct channel_driver {
    uint32_t abi; /* CHANNEL_ABI; first, for ever */
    uint32_t flags;
    uint32_t kinds; /* bits of enum channel_kind */
    const char *name;
    const char *help; /* one sentence */
    const struct channel_setting *settings;

    /* Opens the channel without waiting for the peer: a peer that is down is no error here.
     * `values` are in the order of `settings`, checked. NULL: e says why. */
    struct channel *(*open)(const struct channel_host *host, const struct channel_value *values,
                            struct channel_error *e);

    /* How many messages the channel can have in flight at once (its connections). The host has
     * at most that many submitted and not done, or as many as its operator says; it hands over
     * the next as soon as one is done. */
    size_t (*capacity)(const struct channel *c);

    /* Takes n >= 1 messages, each to be tried once, at once and side by side; the array of
     * pointers is the caller's again on return. Messages over the capacity wait inside the
     * driver. Never after close(). */
    void (*submit)(struct channel *c, const struct channel_message *const *messages, size_t n);

    /* Ends the channel: what is in flight is finished or, after deadline_ms, cut off and given
     * back with its true outcome; then everything is freed and closed(arg) is called, once, on
     * the loop's thread, after the last done(). Never called from inside close() itself. */
    void (*close)(struct channel *c, int64_t deadline_ms, void (*closed)(void *arg), void *arg);

    /* Reads a request of the provider: checks that it is the provider's, compares secrets in
     * constant time, reports what it tells. A function of the settings (which stay valid meanwhile)
     * and the request: the channel need not be open. NULL: the provider tells nothing. */
    enum channel_hook_result (*receive)(const struct channel_value *values,
                                        const struct channel_hook *hook);
    /* Writes the answer to a request that was taken; with `text` the sender of an inbound message
     * is to get that as an answer, where the provider passes answers on. Returns the Content-Type.
     * Not NULL where receive is not. */
    const char *(*answer)(const struct channel_value *values, const struct channel_hook *hook,
                          struct channel_text text);
};

#endif
