/* SPDX-License-Identifier: Apache-2.0
 *
 * page: the few pages that recipients see, in their language: preferences, what was
 * done, a link that is not ours, come again later. Plain HTML that works without
 * scripts, images and style, with the keyboard and a screen reader. Pure.
 */
#ifndef GODWIT_ENGINE_RESPONSE_PAGE_H
#define GODWIT_ENGINE_RESPONSE_PAGE_H

#include "engine/settings.h"

enum page_done { PAGE_ASKING, PAGE_SAVED, PAGE_ALL_OFF };

struct page_preferences {
    struct str locale; /* the customer's; empty: English */
    struct str sender; /* the name people know */
    const struct settings_topic *topics;
    const bool *subscribed; /* beside topics */
    size_t n;
    struct str topic; /* of the message that led here, may be empty: comes first */
    enum page_done done;
    bool pending; /* something that was ticked waits for the person to confirm it */
};

/* The form posts to the page's own address: `form=preferences`, `topic=NAME` for each that is on,
 * and the button: `action=save` or `action=off`. */
void page_preferences(struct buf *out, const struct page_preferences *p);

/* A subscription that the person is to confirm: the form posts to the page's own address. */
enum page_confirm { PAGE_CONFIRM_ASK, PAGE_CONFIRMED, PAGE_CONFIRM_GONE };
void page_confirm(struct buf *out, enum page_confirm what, struct str locale, struct str sender);

enum page_notice {
    PAGE_UNKNOWN_LINK, /* a token that is not ours */
    PAGE_LATER,        /* the database is away; `url`: where the link leads, or empty */
    PAGE_NOTICES
};
void page_notice(struct buf *out, enum page_notice what, struct str locale, struct str url);

#endif
