/* SPDX-License-Identifier: Apache-2.0
 *
 * import_file: the bytes of the file that is imported, and the fingerprint of its
 * beginning, by which an import that was interrupted knows its file again. What is
 * not a regular file (standard input, a pipe) can only be read. One thread; blocks.
 */
#ifndef GODWIT_ENGINE_IMPORT_IMPORT_FILE_H
#define GODWIT_ENGINE_IMPORT_IMPORT_FILE_H

#include "base/digest.h"
#include "base/err.h"

struct import_file;

/* "-" is standard input. */
struct import_file *import_file_open(struct str path, struct err *e) MUST_CHECK;
void import_file_close(struct import_file *f); /* NULL is fine */

/* As it was when it was opened; -1: not a regular file. */
int64_t import_file_size(const struct import_file *f);

/* Where import_file_read goes on. Regular files only. */
bool import_file_seek(struct import_file *f, int64_t offset, struct err *e) MUST_CHECK;

/* The next bytes, valid until the next call; none at the end. */
bool import_file_read(struct import_file *f, struct str *out, struct err *e) MUST_CHECK;

/* SHA-256 of the first n bytes; does not disturb reading, and costs only what is new when n grows
 * from call to call. Regular files only. */
bool import_file_digest(struct import_file *f, int64_t n, char out[DIGEST_HEX_CHARS + 1],
                        struct err *e) MUST_CHECK;

/* Whether a line ends with byte n, or the file does. */
bool import_file_line_ends(const struct import_file *f, int64_t n);

#endif
