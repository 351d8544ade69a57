/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/io/db_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an SQLSTATE means for policy: the longest prefix that fits counts. */
static const struct {
    const char *prefix;
    enum err_kind kind;
} kinds[] = {
    {"08", ERR_TEMPORARY},    /* connection */
    {"21", ERR_INPUT},        /* ON CONFLICT hits a row twice, a subquery gives two rows */
    {"22", ERR_INPUT},        /* data: out of range, bad text, division by zero */
    {"23", ERR_PERMANENT},    /* constraint */
    {"25006", ERR_TEMPORARY}, /* read-only: a standby, before or after a fail-over */
    {"26000", ERR_TEMPORARY}, /* prepared statement is gone: it is prepared again */
    {"28", ERR_PERMANENT},    /* not allowed in */
    {"3D", ERR_PERMANENT},    /* no such database */
    {"3F", ERR_PERMANENT},    /* no such schema */
    {"40", ERR_TEMPORARY},    /* serialization failure, deadlock */
    {"42", ERR_BUG},          /* syntax, unknown column */
    {"42501", ERR_PERMANENT}, /* privilege */
    {"42P01", ERR_PERMANENT}, /* unknown table: not migrated */
    {"42883", ERR_PERMANENT}, /* unknown function: not migrated */
    {"53", ERR_TEMPORARY},    /* disk full, out of memory, too many connections */
    {"54", ERR_INPUT},        /* beyond a limit: a value too large to index */
    {"55", ERR_TEMPORARY},    /* lock not available, object in use */
    {"57", ERR_TEMPORARY},    /* cancelled, shutting down, starting up */
    {"58", ERR_TEMPORARY},    /* the system under the server failed */
    {"P0001", ERR_INPUT},     /* RAISE in our functions: they check what is given */
};

/* What to do about an SQLSTATE met while connecting or working. */
static const struct {
    const char *prefix;
    const char *advice;
} advices[] = {
    {"28P01", "correct the user or password in the database URL, ~/.pgpass or the environment"},
    {"28000", "the server's pg_hba.conf does not let this user in from here, or the user does "
              "not exist"},
    {"3D000", "create it with `createdb`, or correct the name in the database URL"},
    {"3F000", "run `godwit db migrate`"},
    {"42P01", "run `godwit db migrate`"},
    {"42883", "run `godwit db migrate`"},
    {"42501", "grant the user the right, or use the owner of the schema"},
    {"53100", "free space on the disk of the PostgreSQL server"},
    {"53300", "raise max_connections of the server or end other programs"},
    {"57P03", "the server is starting or stopping; it is tried again"},
    {"25006", "this is a read-only server; the URL must lead to the primary"},
};

enum err_kind db_error_kind(const char *sqlstate) {
    enum err_kind kind = ERR_PERMANENT;
    size_t best = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n = strlen(kinds[i].prefix);
        if (n > best && strncmp(sqlstate, kinds[i].prefix, n) == 0) {
            best = n;
            kind = kinds[i].kind;
        }
    }
    return kind;
}

static const char *advice(const char *sqlstate) {
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strncmp(sqlstate, advices[i].prefix, strlen(advices[i].prefix)) == 0)
            return advices[i].advice;
    return NULL;
}

/* A detail of classes 22 and 23 quotes customers' data: it stays out of texts that
 * are logged. */
static bool detail_is_private(const char *sqlstate) {
    return strncmp(sqlstate, "22", 2) == 0 || strncmp(sqlstate, "23", 2) == 0;
}

void db_error_result(struct err *e, const PGresult *res, const char *what) {
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);
    const char *function = PQresultErrorField(res, PG_DIAG_SOURCE_FUNCTION);
    if (!state) { /* from libpq itself: the connection */
        err_set(e, ERR_TEMPORARY, "PostgreSQL: %s", PQresultErrorMessage(res));
        return;
    }
    enum err_kind kind = db_error_kind(state);
    if (function && strcmp(function, "RevalidateCachedQuery") == 0)
        kind = ERR_TEMPORARY; /* a migration changed the table under a prepared statement */
    const char *todo = advice(state);
    if (!todo)
        todo = hint;
    if (detail && detail_is_private(state))
        detail = NULL;
    err_set(e, kind, "PostgreSQL, %s: %s (SQLSTATE %s)%s%s%s%s", what, text ? text : "error", state,
            detail ? "; " : "", detail ? detail : "", todo ? "; " : "", todo ? todo : "");
}

/* With PQERRORS_VERBOSE libpq writes "FATAL:  28P01: text\nLOCATION: ...": in any
 * language an upper-case SQLSTATE between two colons. */
static const char *find_sqlstate(const char *text, char state[6]) {
    for (const char *p = text; (p = strstr(p, ":  ")) != NULL; p += 3) {
        if (strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && p[8] == ':') {
            memcpy(state, p + 3, 5);
            state[5] = 0;
            return p + 10;
        }
    }
    return NULL;
}

static int first_line(const char *text) {
    return (int)strcspn(text, "\n");
}

void db_error_connect(struct err *e, const PGconn *conn) {
    char state[6];
    const char *text = PQerrorMessage(conn);
    const char *said = find_sqlstate(text, state);
    const char *db = PQdb(conn), *host = PQhost(conn), *port = PQport(conn);
    if (!said) {
        err_set(e, ERR_TEMPORARY,
                "%s; is the PostgreSQL server running, and is the address in the database URL "
                "right? (`godwit db start` starts the embedded one)",
                text);
        return;
    }
    const char *todo = advice(state);
    err_set(e, db_error_kind(state),
            "PostgreSQL at %s port %s does not open the database \"%s\": %.*s (SQLSTATE %s)%s%s",
            host ? host : "?", port ? port : "?", db ? db : "?", first_line(said), said, state,
            todo ? "; " : "", todo ? todo : "");
}

/* libpq quotes what it cannot read, which may be a piece of a password. */
bool db_error_conninfo(struct err *e, const char *libpq_text) {
    struct buf b = BUF_HEAP;
    bool inside = false;
    for (const char *p = libpq_text ? libpq_text : "out of memory"; *p && *p != '\n'; p++) {
        if (*p == '"') {
            inside = !inside;
            buf_add_str(&b, inside ? S("\"...") : S("\""));
        } else if (!inside) {
            buf_add_char(&b, *p);
        }
    }
    err_set(e, ERR_INPUT,
            "the database URL cannot be read: %s; it should look like "
            "postgresql://user@host:5432/database, with special characters written as %%XX",
            buf_cstr(&b));
    buf_close(&b);
    return false;
}
