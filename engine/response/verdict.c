/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/response/verdict.h"

#define TOO_MANY_LINKS 3

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
    if (f->click && f->links >= TOO_MANY_LINKS)
        return machine("many links at once");
    return (struct verdict){true, NULL};
}
