/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"
#include "engine/metrics.h"
#include "engine/response/receive_internal.h"

static const struct http_field fresh[] = {{"Cache-Control", "no-store"}, {0}};

/* The loop turns: that is what the answer says. */
void receive_health(struct visit *v) {
    receive_answer(v, 200, S("text/plain; charset=utf-8"), S("ok\n"), fresh);
}

void receive_ready(struct visit *v) {
    bool ready = responses_up(v->rc->responses) && track_up(v->rc->track) &&
                 v->rc->host.is_ready(v->rc->host.ctx);
    receive_answer(v, ready ? 200 : 503, S("text/plain; charset=utf-8"),
                   ready ? S("ready\n") : S("the database cannot be reached\n"), fresh);
}

static void put_http(const struct receive *rc, struct buf *out) {
    static const char *const endpoints[ENDPOINTS] = {
        "open", "click", "decoy", "preferences", "confirm", "track", "hook", "status", "other"};
    struct http_server_counts counts;
    http_server_counts(rc->server, &counts);
    metrics_counter(out, "godwit_http_requests_total", "Requests answered.");
    for (int i = 0; i < ENDPOINTS; i++)
        for (int c = 0; c < RECEIVE_CODES; c++) {
            char labels[80];
            if (!rc->answered[i][c])
                continue;
            snprintf(labels, sizeof labels, "endpoint=\"%s\",code=\"%d\"", endpoints[i],
                     receive_codes[c]);
            metrics_sample(out, "godwit_http_requests_total", labels, (double)rc->answered[i][c]);
        }
    metrics_value(out, "godwit_http_connections", "Connections that are open.",
                  (double)counts.connections);
    metrics_value(out, "godwit_http_requests_waiting", "Requests that wait for their commit.",
                  (double)counts.waiting);
    metrics_count(out, "godwit_http_slow_total", "Connections closed because the client was slow.",
                  (double)counts.slow);
    metrics_count(out, "godwit_http_over_limit_total", "Requests refused because of their size.",
                  (double)counts.refused);
}

static void put_responses(const struct receive *rc, struct buf *out) {
    struct responses_counts counts;
    responses_counts(rc->responses, &counts);
    metrics_counter(out, "godwit_responses_total", "Responses recorded over HTTP.");
    metrics_sample(out, "godwit_responses_total", "kind=\"open\"", (double)counts.opens);
    metrics_sample(out, "godwit_responses_total", "kind=\"click\"", (double)counts.clicks);
    metrics_sample(out, "godwit_responses_total", "kind=\"unsubscribe\"", (double)rc->unsubscribes);
    metrics_count(out, "godwit_responses_machine_total", "Opens and clicks that were no person's.",
                  (double)counts.machines);
    metrics_count(out, "godwit_responses_restated_total",
                  "Verdicts on opens and clicks that changed later.",
                  (double)restate_changed(rc->restate));
    metrics_count(out, "godwit_responses_shed_total", "Opens and clicks answered with 503.",
                  (double)counts.shed);
    metrics_counter(out, "godwit_track_items_total", "Items of Segment's libraries.");
    metrics_sample(out, "godwit_track_items_total", "result=\"recorded\"",
                   (double)track_recorded(rc->track));
    metrics_sample(out, "godwit_track_items_total", "result=\"rejected\"", (double)rc->rejected);
    metrics_sample(out, "godwit_track_items_total", "result=\"skipped\"", (double)rc->skipped);
}

static void put_hooks(const struct receive *rc, struct buf *out) {
    static const char *const outcomes[HOOK_OUTCOMES] = {"recorded", "repeated", "progress",
                                                        "unknown"};
    metrics_counter(out, "godwit_hook_reports_total", "What providers told.");
    for (int i = 0; i < HOOK_OUTCOMES; i++) {
        char labels[40];
        snprintf(labels, sizeof labels, "result=\"%s\"", outcomes[i]);
        metrics_sample(out, "godwit_hook_reports_total", labels, (double)rc->hooked[i]);
    }
    metrics_counter(out, "godwit_hook_refused_total", "Requests of providers that were refused.");
    metrics_sample(out, "godwit_hook_refused_total", "why=\"forged\"", (double)rc->hooks_forbidden);
    metrics_sample(out, "godwit_hook_refused_total", "why=\"unreadable\"",
                   (double)rc->hooks_unreadable);
    metrics_count(out, "godwit_subscriptions_confirmed_total",
                  "Subscriptions that people confirmed by a link.", (double)rc->confirmed);
}

void receive_metrics(struct visit *v) {
    struct buf b = BUF_IN(v->arena);
    metrics_process(&b, v->rc->opened_us);
    v->rc->host.metrics(v->rc->host.ctx, &b);
    put_http(v->rc, &b);
    put_responses(v->rc, &b);
    put_hooks(v->rc, &b);
    receive_answer(v, 200, S(METRICS_TYPE), buf_str(&b), fresh);
}
