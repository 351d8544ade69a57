/* SPDX-License-Identifier: Apache-2.0
 *
 * template_files: the attachments of a template: templates/NAME/attachments/FILE goes with each
 * mail that is made of NAME, under that name, with a type by its ending.
 *
 * In a bundle, which is JSON, their bytes stand in base64. Pure.
 */
#ifndef GODWIT_TEMPLATES_TEMPLATE_FILES_H
#define GODWIT_TEMPLATES_TEMPLATE_FILES_H

#include "base/err.h"
#include "base/str.h"
#include "base/value.h"

struct arena;

struct template_file {
    struct str name; /* UTF-8, without a folder */
    const char *type;
    struct str data;
};

#define TEMPLATE_FILES_MOST 10
#define TEMPLATE_FILES_BYTES_MOST (2u << 20) /* of a template, together */

/* "winback/attachments/terms.pdf" -> winback, terms.pdf. False: it is no attachment's path. */
bool template_files_path(struct str path, struct str *owner, struct str *name);

const char *template_files_type(struct str name); /* "application/pdf", ... */

bool template_files_is_name(struct str name); /* UTF-8 without control characters */

/* Adds path -> base64 of the n files of the template `owner`. */
void template_files_bundle(struct arena *a, struct map *bundle, struct str owner,
                           const struct template_file *files, size_t n);
/* The source of any file of a bundle, an attachment's as bytes. False: it is none. */
bool template_files_unbundle(struct arena *a, const struct map_entry *entry,
                             struct str *source) MUST_CHECK;

#endif
