/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/settings_keywords.h"

#include "base/arena.h"

#define REPLY_MOST 480 /* three segments */
#define SEGMENT_COST_MOST 1e6

static const char *const meanings[SETTINGS_KEYWORDS] = {"stop", "start", "help"};

/* Index of the meaning; -1, and a complaint, when it is none. */
static int meaning_of(struct form_reader *r, const struct ynode *key) {
    for (int i = 0; i < SETTINGS_KEYWORDS; i++)
        if (str_eq(key->text, str_from(meanings[i])))
            return i;
    form_error(r, key, "`%.*s` is none of stop, start and help", STR_FMT(key->text));
    return -1;
}

static void read_keywords(struct form_reader *r, const struct ynode *node,
                          struct settings_channel *out) {
    if (!form_want_map(r, node, "`keywords`"))
        return;
    for (size_t i = 0; i < node->n; i++) {
        const struct ynode *list = node->pairs[i].value;
        int meaning = meaning_of(r, node->pairs[i].key);
        if (meaning < 0 || !form_want_list(r, list, "the words"))
            continue;
        struct str *words = ARENA_ARRAY(r->a, struct str, list->n + 1);
        for (size_t k = 0; k < list->n; k++)
            if (form_want_text(r, list->items[k], "a word"))
                words[out->n_keywords[meaning]++] = list->items[k]->text;
        out->keywords[meaning] = words;
    }
}

static void read_replies(struct form_reader *r, const struct ynode *node,
                         struct settings_channel *out) {
    if (!form_want_map(r, node, "`replies`"))
        return;
    for (size_t i = 0; i < node->n; i++) {
        const struct ynode *text = node->pairs[i].value;
        int meaning = meaning_of(r, node->pairs[i].key);
        if (meaning < 0 || !form_want_text(r, text, "a reply"))
            continue;
        if (text->text.n > REPLY_MOST)
            form_error(r, text, "a reply has at most %d bytes", REPLY_MOST);
        out->replies[meaning] = text->text;
    }
}

static void read_segment_cost(struct form_reader *r, const struct ynode *node,
                              struct settings_channel *out) {
    double cost;
    if (!form_want_text(r, node, "`segment_cost`"))
        return;
    if (str_to_double(node->text, &cost) && cost >= 0 && cost <= SEGMENT_COST_MOST)
        out->segment_cost = cost;
    else
        form_error(r, node, "`segment_cost` is an amount of the workspace's currency, not `%.*s`",
                   STR_FMT(node->text))
            ->hint = S("for example `0.045`");
}

static const struct {
    const char *key;
    void (*read)(struct form_reader *r, const struct ynode *node, struct settings_channel *out);
} keys[] = {
    {"keywords", read_keywords}, {"replies", read_replies}, {"segment_cost", read_segment_cost}};
#define KEYS (sizeof keys / sizeof *keys)

bool settings_keywords_owns(struct str key) {
    for (size_t i = 0; i < KEYS; i++)
        if (str_eq(key, str_from(keys[i].key)))
            return true;
    return false;
}

void settings_keywords_read(struct form_reader *r, const struct ynode *channel,
                            struct settings_channel *out) {
    for (size_t i = 0; i < KEYS; i++) {
        const struct ynode *value = ynode_get(channel, str_from(keys[i].key));
        if (value && out->carries != CARRIES_SMS)
            form_error(r, value, "`%s` is for channels that carry SMS", keys[i].key);
        else if (value)
            keys[i].read(r, value, out);
    }
}
