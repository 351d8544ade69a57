/* SPDX-License-Identifier: Apache-2.0
 *
 * secret: settings that are kept outside the workspace, as env:NAME or file:PATH,
 * looked up when they are used. What comes out is never logged or shown.
 */
#ifndef GODWIT_ENGINE_SECRET_H
#define GODWIT_ENGINE_SECRET_H

#include "base/err.h"
#include "base/str.h"

struct arena;

bool secret_is_reference(struct str text); /* begins with env: or file: */

/* The value behind env:NAME or file:PATH (relative to `folder`; one trailing line end is cut);
 * any other text is its own value. */
bool secret_resolve(struct arena *a, struct str folder, struct str text, struct str *out,
                    struct err *e) MUST_CHECK;

#endif
