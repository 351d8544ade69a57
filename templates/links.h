/* SPDX-License-Identifier: Apache-2.0
 *
 * links: finds the links of a template when it is compiled: the href of each <a>
 * in HTML; in text each http:// or https:// address, and each output whose last
 * name is url or link (or ends in _url, _link).
 *
 * A link becomes a node of its own, so that a render with a callback asks it for
 * the address to write, and a render without one writes the same as before at
 * the same cost. Only http and https addresses are handed over. An address may
 * be made of text and outputs; one that opens in one block and closes in another
 * is left alone. Pure; used once, before the template is shared.
 */
#ifndef GODWIT_TEMPLATES_LINKS_H
#define GODWIT_TEMPLATES_LINKS_H

#include "templates/liquid_program.h"

/* How many were found. */
uint32_t links_find(struct arena *a, struct liquid_template *t);

/* Whether a rendered address is one to hand over. */
bool links_trackable(struct str url);
/* The characters that &amp; &lt; &gt; &quot; &#39; stand for. */
struct str links_unescape(struct arena *a, struct str html);

#endif
