/* SPDX-License-Identifier: Apache-2.0
 *
 * test_file: reads tests/NAME.test.yaml: customers, what they do and what must
 * come of it. Everything lives in the arena; mistakes go to the diagnostics.
 */
#ifndef GODWIT_CLI_TEST_FILE_H
#define GODWIT_CLI_TEST_FILE_H

#include "engine/decide/decide.h"
#include "rules/form.h"

/* Something that the customer does, or that comes of a message which the test has sent. */
struct test_event {
    struct str name; /* empty: a response */
    int64_t at_us;
    struct value properties;
    int respond;         /* its kind, for test_file_response(); negative: an event */
    struct str campaign; /* to the newest message of which */
    const struct ynode *node;
};

struct test_expect {
    struct str campaign;
    int outcome;                        /* enum outcome */
    int64_t at_us;                      /* 0: at any time */
    struct str step, template, channel; /* empty: any */
    const struct ynode *node;
};

struct test_case {
    struct str name;
    struct profile profile;
    const struct test_event *events;
    size_t n_events;
    const struct test_expect *expects;
    size_t n_expects;
    int64_t from_us, until_us; /* 0: the first and last instant that the test tells of */
    const struct ynode *node;
};

/* Instants without a zone are in `zone`. */
void test_file_read(struct arena *a, const struct yamlfile *file, const struct zone *zone,
                    const struct test_case **out, size_t *n, struct diags *d);

struct str test_file_response(int kind); /* "click" */

extern const struct form test_file_form; /* of one test, for JSON Schema */

#endif
