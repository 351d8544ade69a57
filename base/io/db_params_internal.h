/* SPDX-License-Identifier: Apache-2.0
 *
 * db_params_internal: the columns that libpq wants; for db's own files.
 */
#ifndef GODWIT_BASE_IO_DB_PARAMS_INTERNAL_H
#define GODWIT_BASE_IO_DB_PARAMS_INTERNAL_H

#include "base/io/db_params.h"

/* A protocol message holds 1 GiB; a value beyond half of it is a bug of ours. */
#define DB_PARAM_MAX ((size_t)1 << 29)

struct db_params {
    struct arena *arena;
    size_t n, cap;
    size_t bytes;
    uint32_t *type; /* Oid */
    const char **value;
    int *length;
    int *format;
};

#endif
