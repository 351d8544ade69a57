/* SPDX-License-Identifier: Apache-2.0
 *
 * workspace_review: what a workspace says as a whole once every file is read: names
 * in templates that no attribute or property has, files whose names are nearly those
 * of parts, templates that nobody uses, campaigns that get in each
 * other's way. Pure; called by workspace_load.
 */
#ifndef GODWIT_ENGINE_WORKSPACE_REVIEW_H
#define GODWIT_ENGINE_WORKSPACE_REVIEW_H

#include "engine/workspace.h"

/* A required value whose name is nearly that of a declared
 * one is an error; all else are warnings and notes. */
void workspace_review(const struct workspace *w, struct diags *d);

#endif
