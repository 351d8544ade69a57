/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/import/check_import.h"

/* Columns and options, and what is taken or what is wrong. */
static const struct {
    enum import_kind kind;
    const char *name, *maps[6], *header[6], *taken, *wrong;
} cases[] = {
    {IMPORT_CUSTOMERS,
     "",
     {"key=id", "email=mail", "attributes.age=years", "attributes.x:bool=x"},
     {"mail", " id ", "years", "x"},
     "key from id, email from mail, attributes.age (int) from years, attributes.x (bool) from x",
     NULL},
    {IMPORT_CUSTOMERS,
     "",
     {0},
     {"key", "email", "attributes.vip", "attributes.note", "other"},
     "key from key, email from email, attributes.vip (bool) from attributes.vip, "
     "attributes.note (string) from attributes.note",
     NULL},
    {IMPORT_EVENTS,
     "order.placed",
     {0},
     {"customer", "name", "occurred_at", "properties.amount", "properties.q:int"},
     "customer from customer, occurred_at from occurred_at, properties.amount (double) from "
     "properties.amount, properties.q (int) from properties.q:int",
     NULL},
    {IMPORT_EVENTS,
     "",
     {"customer=c", "name=n", "properties.amount=a"},
     {"c", "n", "a"},
     "customer from c, name from n, properties.amount (by event) from a",
     NULL},
    {IMPORT_EVENTS,
     "x",
     {"customer:string=c", "occurred_at:timestamp=d"},
     {"c", "d"},
     "customer from c, occurred_at from d",
     NULL},
    {IMPORT_CUSTOMERS,
     "",
     {"key=id", "attributes.a:b:int=x"},
     {"id", "x"},
     "key from id, attributes.a:b (int) from x",
     NULL},
    {IMPORT_CUSTOMERS,
     "",
     {"key=idd"},
     {"id"},
     NULL,
     "--map key=idd: the file has no column `idd`; did you mean `id`?"},
    {IMPORT_CUSTOMERS,
     "",
     {"key=zzzzzz"},
     {"id", "mail"},
     NULL,
     "--map key=zzzzzz: the file has no column `zzzzzz`; it has: id, mail"},
    {IMPORT_CUSTOMERS,
     "",
     {"emial=id"},
     {"id"},
     NULL,
     "there is no field `emial`; did you mean `email`?"},
    {IMPORT_EVENTS,
     "x",
     {"attributes.a=id"},
     {"id"},
     NULL,
     "there is no field `attributes.a`; events have customer, name, occurred_at, dedupe and "
     "properties.NAME"},
    {IMPORT_CUSTOMERS, "", {"key:int=id"}, {"id"}, NULL, "`key` is of type string, not int"},
    {IMPORT_CUSTOMERS, "", {"key:strin=id"}, {"id"}, NULL, "did you mean `string`?"},
    {IMPORT_CUSTOMERS, "", {"attributes.=id"}, {"id"}, NULL, "there is no field `attributes.`"},
    {IMPORT_CUSTOMERS, "", {"attributes.:int=id"}, {"id"}, NULL, "there is no field"},
    {IMPORT_CUSTOMERS,
     "",
     {"key=id", "attributes.a:doubel=id"},
     {"id"},
     NULL,
     "`doubel` is no type (did you mean `double`?)"},
    {IMPORT_CUSTOMERS,
     "",
     {"key=id", "key=mail"},
     {"id", "mail"},
     NULL,
     "a field is taken from two columns (`id` and `mail`)"},
    {IMPORT_CUSTOMERS,
     "",
     {"key=id", "attributes.a=id", "attributes.a=x"},
     {"id", "x"},
     NULL,
     "`attributes.a` is taken from two columns"},
    {IMPORT_CUSTOMERS, "", {"key=id"}, {"id", "id"}, NULL, "two columns are named `id`"},
    {IMPORT_CUSTOMERS, "", {"key"}, {"id"}, NULL, "write FIELD=COLUMN"},
    {IMPORT_CUSTOMERS,
     "",
     {"email=id"},
     {"id"},
     NULL,
     "no column says which customer a row is about; add --map key=COLUMN"},
    {IMPORT_EVENTS,
     "",
     {"customer=id"},
     {"id"},
     NULL,
     "no column says what happened; add --name EVENT or --map name=COLUMN"},
    {IMPORT_EVENTS,
     "x",
     {"customer=id", "name=id"},
     {"id"},
     NULL,
     "give --name or --map name=COLUMN, not both"},
    {IMPORT_CUSTOMERS,
     "",
     {0},
     {"key;email"},
     NULL,
     "the columns are separated by semicolons; save the file with commas"},
    {IMPORT_CUSTOMERS,
     "",
     {0},
     {"key", "attributes.a:nit"},
     NULL,
     "column `attributes.a:nit`: `nit` is no type (did you mean `int`?)"},
};

static size_t list(const char *const *texts, struct str *out) {
    size_t n = 0;
    for (; n < 6 && texts[n]; n++)
        out[n] = str_from(texts[n]);
    return n;
}

START_TEST(maps) {
    struct str options[6], header[6];
    struct import_wish wish = {.kind = cases[_i].kind,
                               .maps = options,
                               .n_maps = list(cases[_i].maps, options),
                               .event_name = str_from(cases[_i].name),
                               .catalog = &check_catalog};
    struct import_map map;
    struct err e = ERR_INIT;
    struct arena *a = arena_new(0);
    bool ok = import_map_make(a, &wish, header, list(cases[_i].header, header), &map, &e);
    ck_assert_msg(ok == (cases[_i].taken != NULL), "%s", e.text);
    if (ok)
        check_is(import_map_describe(a, &map), cases[_i].taken);
    else
        ck_assert_msg(strstr(e.text, cases[_i].wrong) != NULL, "wanted %s\ngot    %s",
                      cases[_i].wrong, e.text);
    arena_free(a);
}
END_TEST

Suite *suite_map(void) {
    Suite *s = suite_create("map");
    TCase *t = tcase_create("map");
    tcase_add_loop_test(t, maps, 0, COUNT(cases));
    suite_add_tcase(s, t);
    return s;
}
