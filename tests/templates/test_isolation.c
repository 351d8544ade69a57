/* SPDX-License-Identifier: Apache-2.0
 *
 * Nothing leaks between customers: thousands are rendered in random order on
 * several threads, each thread with one arena and one buffer, and every text is
 * compared with the one of a render alone.
 */
#include "config.h"

#include "base/arena.h"
#include "templates/template_set.h"
#include "tests/templates/check_templates.h"

#include <pthread.h>
#include <stdio.h>

#define CUSTOMERS 3000
#define THREADS 4

static const char source[] =
    "{% assign seen = 'no' %}{{ c.name }}{% if c.vip %}{% assign seen = c.name %}{% assign "
    "only_vip = 1 %}"
    "{% increment n %}{% cycle 'a', 'b' %}{% endif %}{{ seen }}{{ only_vip }}{{ n }}"
    "{% for i in c.list limit: 2 %}{{ i }}{{ forloop.index }}{% endfor %}"
    "{% for i in c.list offset: continue %}{{ i }}{% endfor %}"
    "{% ifchanged %}{{ c.name }}{% endifchanged %}{% capture x %}{{ c.name | upcase }}{% "
    "endcapture %}"
    "{{ x }}{% if c.bad %}{{ 1 | divided_by: 0 }}{% endif %}{% include 'p' %}";

static struct template_set *set;
static const struct message_template *template;
static struct value customers[CUSTOMERS];
static struct str alone[CUSTOMERS];

static struct value customer(struct arena *a, int i) {
    struct map *c = map_new(a, 5), *root = map_new(a, 1);
    struct list *l = list_new(a, 4);
    for (int k = 0; k < i % 5; k++)
        list_add(a, l, value_int(i + k));
    map_set_str(a, c, S("name"), value_str(str_printf(a, "c%d<", i)));
    map_set_str(a, c, S("vip"), value_bool(i % 3 == 0));
    map_set_str(a, c, S("bad"), value_bool(i % 17 == 0));
    map_set_str(a, c, S("list"), value_list(l));
    if (i % 7 == 0)
        map_set_str(a, c, S("extra"), value_str(str_printf(a, "only %d", i)));
    map_set_str(a, root, S("c"), value_map(c));
    return value_map(root);
}

/* Appends the text, or the error, of customer i. */
static void render(struct arena *a, int i, struct buf *out) {
    struct err e = ERR_INIT;
    struct liquid_params p = {.arena = a, .data = customers[i].u.map};
    if (!template_render(set, template, TEMPLATE_HTML, &p, out, &e))
        buf_add_str(out, str_from(e.text));
}

struct worker {
    pthread_t thread;
    uint64_t seed;
    int wrong; /* the first customer that differed, or -1 */
};

static void *work(void *arg) {
    struct worker *w = arg;
    struct arena *a = arena_new(0);
    struct buf out = BUF_HEAP;
    w->wrong = -1;
    for (int k = 0; k < CUSTOMERS && w->wrong < 0; k++) {
        w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
        int i = (int)((w->seed >> 33) % CUSTOMERS);
        render(a, i, &out);
        if (!str_eq(buf_str(&out), alone[i]))
            w->wrong = i;
        buf_clear(&out);
        arena_reset(a);
    }
    buf_close(&out);
    arena_free(a);
    return NULL;
}

START_TEST(threads_in_random_order) {
    struct arena *a = arena_new(1 << 20);
    struct diags d;
    struct worker w[THREADS];
    diags_init(&d, a);
    set = template_set_new(a);
    template_set_add(set, S("t/html.liquid"), str_from(source), &d);
    template_set_add(set, S("p.liquid"), S("{{ seen }}{{ c.extra }}{% assign leak = c.name %}"),
                     &d);
    ck_assert(template_set_finish(set, &d));
    template = template_find(set, S("t"), NULL);
    for (int i = 0; i < CUSTOMERS; i++) {
        customers[i] = customer(a, i);
        struct arena *own = arena_new(0);
        struct buf out = BUF_IN(a);
        render(own, i, &out);
        alone[i] = buf_str(&out);
        arena_free(own);
    }
    for (int i = 0; i < THREADS; i++) {
        w[i].seed = 20261121u + (uint64_t)i;
        ck_assert_int_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(w[i].thread, NULL);
    for (int i = 0; i < THREADS; i++)
        ck_assert_msg(w[i].wrong < 0, "thread %d: customer %d got another text than alone", i,
                      w[i].wrong);
    arena_free(a);
}
END_TEST

Suite *suite_isolation(void) {
    Suite *s = suite_create("isolation");
    TCase *t = tcase_create("isolation");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, threads_in_random_order);
    suite_add_tcase(s, t);
    return s;
}
