/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/verdict.h"

#define TOO_MANY_LINKS 3
#define LINKS_MS 3000        /* in which they are too many */
#define ORDER_MS 1000        /* nobody follows one link and the next one within a second */
#define DECOY_MS 3000        /* around a decoy's hit: a scanner's, whatever it calls itself */
#define DECOY_AGENT_MS 60000 /* and by the same agent */
#define HEAD_MS 3000

static bool agent_holds(struct str agent, const char *const *words) {
    for (; *words; words++) {
        struct str word = str_from(*words);
        for (size_t i = 0; i + word.n <= agent.n; i++)
            if (str_eq_nocase(str_sub(agent, i, i + word.n), word))
                return true;
    }
    return false;
}

/* Proxies that fetch an image when it is shown: a person is there, whenever it is. */
static bool fetches_on_display(struct str agent) {
    static const char *const proxies[] = {"GoogleImageProxy", "YahooMailProxy", NULL};
    return agent_holds(agent, proxies);
}

/* Apple's relays load everything when it arrives, under a browser's bare beginning. */
static bool is_relay(struct str agent) {
    return str_eq(str_trim(agent), S("Mozilla/5.0"));
}

static bool is_tool(struct str agent) {
    static const char *const tools[] = {"bot",    "crawler", "spider",          "curl/",
                                        "wget/",  "scanner", "python-requests", "python-urllib",
                                        "libwww", "preview", "headless",        NULL};
    return agent_holds(agent, tools);
}

static struct verdict machine(const char *why) {
    return (struct verdict){false, why};
}

struct verdict verdict_of(const struct verdict_features *f) {
    if (f->decoy)
        return machine("decoy");
    if (f->head)
        return machine("HEAD");
    if (f->prefetch)
        return machine("prefetch");
    if (!f->click && fetches_on_display(f->agent))
        return (struct verdict){true, NULL};
    if (!f->click && is_relay(f->agent))
        return machine("relay");
    if (is_tool(f->agent))
        return machine("agent");
    if (f->delay_ms >= 0 && f->delay_ms < VERDICT_SOON_MS)
        return machine("too soon");
    if (f->near_decoy)
        return machine("near a decoy");
    if (f->near_head)
        return machine("near a HEAD");
    if (f->click && f->links >= TOO_MANY_LINKS)
        return machine("many links at once");
    if (f->click && f->in_order)
        return machine("links in order");
    return (struct verdict){true, NULL};
}

/* ---- all hits of a message */

static bool same_agent(const struct verdict_hit *a, const struct verdict_hit *b) {
    return a->f.agent.n && str_eq(a->f.agent, b->f.agent);
}

/* Marks what lies around a hit of the decoy, or with HEAD. */
static void look_around(struct verdict_hit *hits, size_t n, size_t at) {
    const struct verdict_hit *x = &hits[at];
    int64_t most = x->f.decoy ? DECOY_AGENT_MS : HEAD_MS;
    for (size_t i = at; i-- > 0 && x->at_ms - hits[i].at_ms <= most;) {
        bool same = same_agent(x, &hits[i]);
        hits[i].f.near_decoy |= x->f.decoy && (same || x->at_ms - hits[i].at_ms <= DECOY_MS);
        hits[i].f.near_head |= x->f.head && same && x->at_ms - hits[i].at_ms <= HEAD_MS;
    }
    for (size_t i = at + 1; i < n && hits[i].at_ms - x->at_ms <= most; i++) {
        bool same = same_agent(x, &hits[i]);
        hits[i].f.near_decoy |= x->f.decoy && (same || hits[i].at_ms - x->at_ms <= DECOY_MS);
        hits[i].f.near_head |= x->f.head && same && hits[i].at_ms - x->at_ms <= HEAD_MS;
    }
}

/* Different links among the clicks of the 3 s that begin with a click; each of them learns it. */
static void count_links(struct verdict_hit *hits, size_t n, size_t from) {
    uint64_t seen[TOO_MANY_LINKS];
    uint32_t links = 0;
    size_t end = from;
    for (; end < n && hits[end].at_ms - hits[from].at_ms <= LINKS_MS; end++) {
        uint32_t k = 0;
        if (!hits[end].f.click || hits[end].f.decoy)
            continue;
        while (k < links && seen[k] != hits[end].url)
            k++;
        if (k == links && links < TOO_MANY_LINKS)
            seen[links++] = hits[end].url;
    }
    for (size_t i = from; i < end; i++)
        if (hits[i].f.click && hits[i].f.links < links)
            hits[i].f.links = links;
}

/* Clicks one behind the other, each of a later link of the message, within a second. */
static void find_order(struct verdict_hit *hits, size_t n, size_t from) {
    size_t last = from;
    for (size_t i = from + 1; i < n && hits[i].at_ms - hits[from].at_ms <= ORDER_MS; i++) {
        if (!hits[i].f.click || hits[i].f.decoy)
            continue;
        if (hits[i].index <= hits[last].index || hits[i].url == hits[last].url)
            return;
        hits[last].f.in_order = hits[i].f.in_order = true;
        last = i;
    }
}

void verdict_judge(struct verdict_hit *hits, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct verdict_features *f = &hits[i].f;
        f->links = 0;
        f->near_decoy = f->near_head = f->in_order = false;
    }
    for (size_t i = 0; i < n; i++) {
        if (hits[i].f.decoy || hits[i].f.head)
            look_around(hits, n, i);
        if (hits[i].f.click && !hits[i].f.decoy) {
            count_links(hits, n, i);
            find_order(hits, n, i);
        }
    }
    for (size_t i = 0; i < n; i++)
        hits[i].verdict = verdict_of(&hits[i].f);
}
