/* SPDX-License-Identifier: Apache-2.0
 * segments against a real PostgreSQL: whatever way a question is answered, the members are the
 * same. SEED, SEGMENTS and CUSTOMERS can be set for a longer run. */
#include "config.h"

#include "base/arena.h"
#include "base/json.h"
#include "engine/migrate.h"
#include "engine/segments.h"
#include "rules/cel_sql.h"
#include "rules/condition.h"
#include "tests/segments/population.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/godwit-check.XXXXXX";
static char url[512];
static struct dbsync *db;
static struct err e;

static bool scratch(const char *command) {
    const char *srcdir = getenv("srcdir");
    char line[1024];
    snprintf(line, sizeof line, "%s/tests/peers/scratch_pg.sh %s %s", srcdir ? srcdir : ".",
             command, folder);
    FILE *f = popen(line, "r");
    if (!f)
        return false;
    if (fgets(url, sizeof url, f))
        url[strcspn(url, "\n")] = 0;
    return pclose(f) == 0;
}

static unsigned setting(const char *name, unsigned otherwise) {
    const char *text = getenv(name);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* ---- a workspace */

static void write_file(const char *name, struct str text) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    ck_assert(f && fwrite(text.p, 1, text.n, f) == text.n && fclose(f) == 0);
}

static struct workspace *load(struct str segments) {
    struct diags d;
    struct arena *a = arena_new(0);
    write_file("godwit.yaml",
               S("database: embedded\n"
                 "sender: { name: A, email: a@example.com, postal_address: x }\n"
                 "timezone: Asia/Taipei\n"
                 "channels: { email: { driver: rehearse } }\n"
                 "tracking: { listen: 127.0.0.1:1, public_url: http://127.0.0.1:1 }\n"));
    write_file("catalog.yaml", str_from(population_catalog));
    write_file("segments.yaml", segments);
    diags_init(&d, a);
    struct workspace *w = workspace_load(str_from(folder), &d);
    if (!w)
        diags_print(&d, stderr, false);
    ck_assert(w != NULL);
    arena_free(a);
    return w;
}

static void setup(void) {
    e = ERR_INIT;
    db = dbsync_open(url, &e);
    ck_assert_msg(db != NULL, "%s", e.text);
    ck_assert_msg(dbsync_script(db, "drop schema if exists godwit cascade", &e) &&
                      migrate_run(url, &e),
                  "%s", e.text);
}

static void teardown(void) {
    dbsync_close(db);
}

/* ---- members, as one text: "shard:id shard:id ..." */

static struct str members(struct arena *a, struct workspace *w, const struct segment *s,
                          enum segments_way way, struct segments_counts *counts) {
    struct segments_member m;
    struct buf b = BUF_IN(a);
    bool more = true;
    struct segments *x = segments_open(db, w, s, POPULATION_NOW_US, &e);
    ck_assert_msg(x != NULL, "%s", e.text);
    segments_force(x, way);
    while (segments_next(x, &m, &more, &e) && more)
        buf_printf(&b, " %.*s", STR_FMT(m.key));
    ck_assert_msg(!more, "%.*s\n%.*s\n%s", STR_FMT(s->where), STR_FMT(segments_sql(x)), e.text);
    segments_counts(x, counts);
    segments_close(x);
    return buf_str(&b);
}

/* ---- random conditions over random customers */

/* Each is followed by its negation, so that the customers for whom it fails are compared too. */
static struct str draw_segments(struct arena *a, unsigned n, const struct campaign_set *rules) {
    struct buf yaml = BUF_IN(a);
    struct str *names = ARENA_ARRAY(a, struct str, n);
    for (unsigned i = 0; i < n; i++)
        names[i] = str_printf(a, "s%u", i);
    const struct condition_scope *scope =
        condition_scope_new(a, &rules->catalog, names, n, STR_NONE);
    for (unsigned i = 0; i < n;) {
        struct buf text = BUF_IN(a);
        struct cel_issues issues;
        cel_issues_init(&issues, a);
        population_condition(&text, i);
        if (!cel_compile_condition(a, &scope->env, buf_str(&text), &issues))
            continue;
        for (unsigned twice = 0; twice < 2 && i < n; twice++, i++) {
            buf_printf(&yaml, "s%u: '%s", i, twice ? "!" : "");
            for (size_t k = 0; k < text.n; k++)
                buf_printf(&yaml, text.p[k] == '\'' ? "''" : "%c", text.p[k]);
            buf_add_str(&yaml, S("'\n"));
        }
    }
    return buf_str(&yaml);
}

static void compare(struct workspace *w, const struct segment *s, unsigned long seed,
                    unsigned *ways) {
    struct arena *a = arena_new(0);
    struct segments_counts one, best, counted;
    struct str want = members(a, w, s, SEGMENTS_ONE_BY_ONE, &one);
    struct str got = members(a, w, s, SEGMENTS_SQL, &best);
    struct segments *x = segments_open(db, w, s, POPULATION_NOW_US, &e);
    ck_assert_msg(x != NULL && segments_count(x, &counted, &e), "%s", e.text);
    ways[segments_way(x)]++;
    ck_assert_msg(str_eq(want, got) && counted.members == one.members,
                  "SEED=%lu, %s: %.*s\none by one:%.*s\n%s:%.*s\n%.*s", seed, s->name.p,
                  STR_FMT(s->where), STR_FMT(want), segments_way_name(segments_way(x)),
                  STR_FMT(got), STR_FMT(segments_sql(x)));
    segments_close(x);
    arena_free(a);
}

START_TEST(sql_and_process_agree) {
    unsigned long seed = setting("SEED", (unsigned)time(NULL));
    unsigned n = setting("SEGMENTS", 260), customers = setting("CUSTOMERS", 90);
    unsigned ways[3] = {0};
    bool done;
    int64_t buyers, changed;
    struct arena *a = arena_new(0);
    population_seed(seed);
    ck_assert_msg(population_insert(db, customers, &e), "SEED=%lu: %s", seed, e.text);
    struct workspace *w = load(S("{}\n"));
    ck_assert_msg(segments_refresh_rfm(db, w, &done, &buyers, &changed, &e) && done, "SEED=%lu: %s",
                  seed, e.text);
    struct str yaml = draw_segments(a, n, &w->rules);
    workspace_release(w);
    w = load(yaml);
    ck_assert(dbsync_script(db, "begin isolation level repeatable read read only", &e));
    for (unsigned i = 0; i < n; i++)
        compare(w, &w->rules.segments[i], seed, ways);
    printf("SEED=%lu: %u pairs; %u segments by the database, %u checked, %u one by one\n", seed,
           n * customers, ways[0], ways[1], ways[2]);
    ck_assert_msg(ways[0] > n / 10 && ways[1] > n / 10 && ways[2] > 0,
                  "SEED=%lu: the conditions are lopsided", seed);
    workspace_release(w);
    arena_free(a);
}
END_TEST

/* ---- cases by hand */

static int64_t count_of(struct workspace *w, const char *name) {
    struct segments_counts counts;
    const struct segment *s = campaign_set_segment(&w->rules, str_from(name));
    ck_assert_msg(s != NULL, "%s", name);
    struct segments *x = segments_open(db, w, s, POPULATION_NOW_US, &e);
    ck_assert_msg(x && segments_count(x, &counts, &e), "%s: %s", name, e.text);
    segments_close(x);
    return counts.members;
}

START_TEST(lists_and_standing) {
    static const char customers[] =
        "insert into godwit.customers (shard, key, attributes)"
        " select godwit.shard_of(k), k, jsonb_build_object('n', i) from"
        " (select i, 'c' || i as k from generate_series(1, 2000) i) x;"
        "insert into godwit.events (customer, name, properties, occurred_at)"
        " select 'c' || i, 'order', jsonb_build_object('amount', i), '2026-11-01'"
        "   from generate_series(1, 1000) i";
    bool done;
    int64_t buyers, changed;
    ck_assert_msg(dbsync_script(db, customers, &e), "%s", e.text);
    write_file("guests.txt", S("# invited\r\nc1\r\n\n  c2  \nc1\nnobody\n"));
    struct workspace *w = load(S("guests: { list: guests.txt, description: invited }\n"
                                 "rich-guests: in_segment(\"guests\") && rfm.revenue > 1.0\n"
                                 "others: '!in_segment(\"guests\")'\n"
                                 "best: rfm.top <= 0.2\n"
                                 "never: rfm.r == 0 && rfm.purchases == 0\n"
                                 "fifth: rfm.m == 5\n"
                                 "some: customer.n > 1990\n"
                                 "everybody: size(customer.key) > 0\n"));
    ck_assert_msg(segments_refresh_rfm(db, w, &done, &buyers, &changed, &e), "%s", e.text);
    ck_assert(done && buyers == 1000 && changed == 1000);
    ck_assert_msg(segments_refresh_rfm(db, w, &done, &buyers, &changed, &e), "%s", e.text);
    ck_assert(done && buyers == 1000 && changed == 0);
    ck_assert_int_eq(count_of(w, "guests"), 2);
    ck_assert_int_eq(count_of(w, "rich-guests"), 1);
    ck_assert_int_eq(count_of(w, "others"), 1998);
    ck_assert_int_eq(count_of(w, "best"), 200);
    ck_assert_int_eq(count_of(w, "never"), 1000);
    ck_assert_int_eq(count_of(w, "fifth"), 200);
    ck_assert_int_eq(count_of(w, "some"), 10);
    ck_assert_int_eq(count_of(w, "everybody"), 2000);
    workspace_release(w);
}
END_TEST

/* Nobody's text becomes part of the statement. */
START_TEST(text_stays_text) {
    struct workspace *w =
        load(S("evil: 'customer.country == \"'');drop schema godwit cascade;--\"'\n"
               "field: 'customer[\"a'') or true--\"] == \"x\"'\n"
               "event: 'count(\"$1 '' order\", \"30d\") > 0'\n"));
    ck_assert(dbsync_script(db, "select godwit.identify('a', '{\"country\": \"x\"}')", &e));
    ck_assert_int_eq(count_of(w, "evil"), 0);
    ck_assert_int_eq(count_of(w, "field"), 0);
    ck_assert_int_eq(count_of(w, "event"), 0);
    workspace_release(w);
}
END_TEST

/* ---- constant expressions of the conformance suite that SQL says it can decide */

static bool expected(const struct value *test, const char **out) {
    const struct value *v = value_path(test, S("expect.value.boolValue"));
    const struct value *bindings = value_path(test, S("input.bindings"));
    if (!v || v->type != V_BOOL || bindings)
        return false;
    *out = v->u.b ? "true" : "false";
    return true;
}

static bool decide_constant(struct arena *a, struct str source, const char *want) {
    static const struct cel_sql_scope nothing = {0};
    struct cel_issues issues;
    cel_issues_init(&issues, a);
    const struct cel_program *p = cel_compile(a, NULL, source, &issues);
    struct cel_sql q = {0};
    if (p)
        q = cel_sql_where(p, &nothing, 1, a);
    if (!q.errors)
        return false;
    struct db_params *params = db_params(a);
    struct db_reply *reply;
    for (size_t i = 0; i < q.n_params; i++)
        db_param_text(params, q.params[i]);
    struct db_stmt st = {NULL, str_printf(a, "select (%.*s)::text%c", STR_FMT(q.text), 0).p};
    ck_assert_msg(dbsync_query(db, &st, params, &reply, &e), "%.*s: %s", STR_FMT(source), e.text);
    struct str got = db_text(reply->result[0], 0, 0);
    ck_assert_msg(str_eq(got, str_from(want)), "%.*s: wanted %s, got %.*s", STR_FMT(source), want,
                  STR_FMT(got));
    db_reply_free(reply);
    return true;
}

START_TEST(conformance_constants) {
    char path[500], line[65536];
    const char *shared = getenv("GODWIT_SHARED"), *want;
    unsigned decided = 0;
    snprintf(path, sizeof path, "%s/conformance/cel.ndjson", shared ? shared : "../shared");
    FILE *f = fopen(path, "r");
    if (!f)
        return;
    while (fgets(line, sizeof line, f)) {
        struct arena *a = arena_new(0);
        struct value test;
        if (json_parse(a, str_from(line), &test, &e) && expected(&test, &want))
            decided += decide_constant(a, value_text(*value_path(&test, S("input.expr"))), want);
        arena_free(a);
    }
    fclose(f);
    printf("conformance: %u constant expressions decided by SQL\n", decided);
    ck_assert_uint_gt(decided, 100);
}
END_TEST

int main(void) {
    if (!mkdtemp(folder) || !scratch("start")) {
        fprintf(stderr, "no PostgreSQL could be started in %s\n", folder);
        return 1;
    }
    Suite *suite = suite_create("segments");
    TCase *t = tcase_create("segments");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 600);
    tcase_add_test(t, sql_and_process_agree);
    tcase_add_test(t, lists_and_standing);
    tcase_add_test(t, text_stays_text);
    tcase_add_test(t, conformance_constants);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    scratch("stop");
    char line[200];
    snprintf(line, sizeof line, "rm -rf %s", folder);
    return failed || system(line) != 0;
}
