/* SPDX-License-Identifier: Apache-2.0
 *
 * template_set: the templates of a workspace, ready to make messages.
 *
 * Files are given by their path in the folder templates/ and their text; reading
 * them is the caller's job. NAME/subject.liquid, text, html, sms and body.json are the
 * parts of the template NAME; with a locale before .liquid (text.zh-TW.liquid)
 * they are its variants. Any other .liquid file is a partial for include and
 * render, named by its path without .liquid (footer, shared/legal); footer.zh-TW
 * is taken in its place for that locale. NAME/attachments/ANY.FILE goes with the mails of NAME.
 * _translations.yaml holds texts for the
 * filter `t`. HTML parts escape values; the others do not.
 *
 * Build: template_set_new, _add for each file, _finish; mistakes go to the diags
 * of the load. Then the set is immutable and shared by all threads; it lives in
 * its arena. A render takes all memory from the parameters' arena.
 */
#ifndef GODWIT_TEMPLATES_TEMPLATE_SET_H
#define GODWIT_TEMPLATES_TEMPLATE_SET_H

#include "base/diag.h"
#include "base/err.h"
#include "base/value.h"
#include "templates/liquid_render.h"
#include "templates/template_files.h"

struct template_set;
struct message_template;

enum template_part {
    TEMPLATE_SUBJECT,
    TEMPLATE_TEXT,
    TEMPLATE_HTML,
    TEMPLATE_SMS,
    TEMPLATE_BODY, /* body.json, of a webhook */
    TEMPLATE_PARTS
};

struct template_set *template_set_new(struct arena *a);
/* False when the file has a mistake (which is in d). The text is copied. */
bool template_set_add(struct template_set *s, struct str path, struct str source, struct diags *d);
/* Checks what needs all files; false when there was any mistake. */
bool template_set_finish(struct template_set *s, struct diags *d) MUST_CHECK;

/* NULL when there is none; `nearest` (may be NULL) gets a name that is meant perhaps. */
const struct message_template *template_find(const struct template_set *s, struct str name,
                                             struct str *nearest);
const struct message_template *template_at(const struct template_set *s, size_t i); /* or NULL */

struct str template_name(const struct message_template *t);
const char *template_part_name(enum template_part part); /* "subject", ..., "body.json" */
bool template_has(const struct message_template *t, enum template_part part);
/* The locales of which there are variants, each once, in order; without the default. */
const struct list *template_locales(const struct message_template *t);
/* The locale whose variant of a part is rendered for `locale`: "zh-TW", "zh"; empty: the default.
 * The template must have the part. */
struct str template_variant(const struct message_template *t, enum template_part part,
                            struct str locale);
/* The data that a render reads: V_STRING paths ("customer.first_name"), or "*". */
const struct list *template_inputs(const struct message_template *t);
/* The paths that the heads require. */
const struct list *template_required(const struct message_template *t);
/* Where the path is written first in the template or a partial it uses, as the text reads; false:
 * nowhere in one piece. *source is the file's text. */
bool template_place_of(const struct template_set *s, const struct message_template *t,
                       struct str path, struct place *at, struct str *source);
/* A file in the template's folder that is no part of it, but whose name is like that of one
 * (txt.liquid), the i-th from 0; false: there are no more. *nearest is the part's. */
bool template_misnamed(const struct template_set *s, const struct message_template *t, size_t i,
                       struct str *file, struct str *nearest);
/* What goes with each mail; it lives as long as the set. */
size_t template_attachments(const struct message_template *t, const struct template_file **list);
/* The first required path that is missing, nothing or blank; false: none is. */
bool template_missing(const struct message_template *t, const struct map *data, struct str *path);

/* SHA-256 in hex of the bundle: the template's files, the partials and translations it
 * uses. The same bundle given to template_set_unbundle() renders the same, byte for byte. */
struct str template_hash(const struct message_template *t);
struct str template_bundle(const struct message_template *t); /* JSON: path -> source */
bool template_set_unbundle(struct template_set *s, struct str bundle, struct diags *d,
                           struct err *e) MUST_CHECK;

/* Renders the part in the variant for p->locale_name: "zh-TW", then "zh", then the one
 * without a locale. Fails when the part does not exist or a required value is missing.
 * p->translations is set by this. */
bool template_render(const struct template_set *s, const struct message_template *t,
                     enum template_part part, const struct liquid_params *p, struct buf *out,
                     struct err *e) MUST_CHECK;

#endif
