/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rules/own_events.h"

#define PREFIX "message."

#define FIELD(field, kind, help) \
    { .name = S(field), .type = kind, .description = S(help) }
/* Of every event about a message. */
#define ABOUT_MESSAGE                                                                  \
    FIELD("campaign", CATALOG_STRING, "of the message: its id"),                       \
        FIELD("version", CATALOG_STRING, "of the campaign's file"),                    \
        FIELD("step", CATALOG_STRING, "the step that sent it"),                        \
        FIELD("variant", CATALOG_STRING, "of a split, if there was one"),              \
        FIELD("channel", CATALOG_STRING, "the channel it went out on"),                \
        FIELD("topic", CATALOG_STRING, "its topic; a transactional message has none"), \
        FIELD("message", CATALOG_INT, "its number, as in `godwit message show`")
#define HUMAN FIELD("human", CATALOG_BOOL, "always true: machines make no events")
#define COUNT(list) (sizeof(list) / sizeof *(list))

static const struct catalog_field plain[] = {ABOUT_MESSAGE};
static const struct catalog_field opened[] = {ABOUT_MESSAGE, HUMAN};
static const struct catalog_field clicked[] = {
    ABOUT_MESSAGE, HUMAN, FIELD("url", CATALOG_STRING, "where the link leads")};
static const struct catalog_field bounced[] = {
    ABOUT_MESSAGE, FIELD("class", CATALOG_STRING, "what kind of bounce, where that is known"),
    FIELD("reason", CATALOG_STRING, "what the receiving side said")};
static const struct catalog_field unsubscribed[] = {
    ABOUT_MESSAGE, FIELD("source", CATALOG_STRING, "one-click, preference page, ...")};
static const struct catalog_field replied[] = {
    ABOUT_MESSAGE, FIELD("text", CATALOG_STRING, "what was written back")};
static const struct catalog_field changed[] = {
    FIELD("attribute", CATALOG_STRING, "its name, or email, phone, locale, timezone"),
    FIELD("from", CATALOG_ANY, "the value before; null: it was not there"),
    FIELD("to", CATALOG_ANY, "the value now; null: it is not there any more")};
static const struct catalog_field segment[] = {FIELD("segment", CATALOG_STRING, "its name")};

static const struct catalog_field consent[] = {
    FIELD("topic", CATALOG_STRING, "what somebody subscribed to"),
    FIELD("channel", CATALOG_STRING, "on which channel; * is all of them"),
    FIELD("source", CATALOG_STRING, "by what: preference page, ...")};

static const struct own {
    struct catalog_event event;
    struct str kind; /* of the response; empty: of none */
    bool by_itself;
} own[] = {
#define OWN(text, help, fields) \
    { .name = S(text), .description = S(help), .properties = fields, .n_properties = COUNT(fields) }
    {OWN("message.delivered", "a message reached the recipient's provider or phone", plain),
     S("delivered"), true},
    {OWN("message.opened", "a person opened a message", opened), S("open"), false},
    {OWN("message.clicked", "a person followed a link of a message", clicked), S("click"), false},
    {OWN("message.bounced", "a message came back", bounced), S("bounce"), true},
    {OWN("message.complained", "a recipient reported a message as spam", bounced), S("complaint"),
     false},
    {OWN("message.unsubscribed", "a recipient unsubscribed by way of a message", unsubscribed),
     S("unsubscribe"), false},
    {OWN("message.replied", "a recipient wrote back", replied), S("reply"), false},
    {{.name = S("customer.created"), .description = S("a customer was made")}, S(""), true},
    {OWN("customer.changed", "an attribute of the customer changed", changed), S(""), false},
    {OWN("segment.entered", "the customer entered a tracked segment", segment), S(""), false},
    {OWN("segment.left", "the customer left a tracked segment", segment), S(""), false},
    {OWN("consent.requested", "a subscription waits for the person to confirm it", consent), S(""),
     false},
#undef OWN
};
#define OWN_EVENTS COUNT(own)

static const struct own *find(struct str name) {
    for (size_t i = 0; i < OWN_EVENTS; i++)
        if (str_eq(own[i].event.name, name))
            return &own[i];
    return NULL;
}

const struct catalog_event *own_events_find(struct str name) {
    const struct own *x = find(name);
    return x ? &x->event : NULL;
}

const struct catalog_event *own_events_at(size_t i) {
    return i < OWN_EVENTS ? &own[i].event : NULL;
}

bool own_events_reserved(struct str name) {
    return str_starts(name, S(PREFIX));
}

const struct catalog_event *own_events_of_response(struct str kind) {
    for (size_t i = 0; i < OWN_EVENTS; i++)
        if (kind.n && str_eq(own[i].kind, kind))
            return &own[i].event;
    return NULL;
}

bool own_events_by_itself(struct str name) {
    const struct own *x = find(name);
    return x && x->by_itself;
}
