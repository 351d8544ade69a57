/* SPDX-License-Identifier: Apache-2.0
 *
 * output: rows of named columns as a table for people, JSON, CSV (RFC 4180) or an
 * HTML page. Tables gather all rows to find the widths; the others stream.
 *
 * Text from outside is made safe for where it goes: control characters never reach
 * a terminal, HTML is escaped, a CSV field that a spreadsheet would take for a
 * formula is left as it is but quoted.
 */
#ifndef GODWIT_CLI_OUTPUT_H
#define GODWIT_CLI_OUTPUT_H

#include "base/err.h"
#include "base/value.h"

#include <stdio.h>

struct output;

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV, OUTPUT_HTML };

/* "table", "json", "csv", "html"; false: e names them. */
bool output_format_parse(const char *name, enum output_format *out, struct err *e) MUST_CHECK;

struct output *output_new(FILE *to, enum output_format format);

/* A section: in JSON a member `key` of the document, in a page a heading. Columns are
 * titles ended by NULL; numbers are set flush right. */
void output_section(struct output *o, const char *key, const char *title,
                    const char *const *columns);
void output_row(struct output *o, const struct value *cells);
/* A sentence between sections, for people only. */
void output_note(struct output *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Ends the document and frees; false: it could not be written. */
bool output_end(struct output *o);

#endif
