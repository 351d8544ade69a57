/* SPDX-License-Identifier: Apache-2.0
 *
 * revision: a workspace as it was in git, unpacked into a temporary folder.
 */
#ifndef GODWIT_CLI_REVISION_H
#define GODWIT_CLI_REVISION_H

#include "base/err.h"
#include "base/str.h"

struct arena;

/* `name`: a folder with a godwit.yaml, or a revision of the git repository that `workspace` lies
 * in ("HEAD~1", a tag, a commit). *folder is the workspace; *made is the folder to be given to
 * revision_remove(), empty when nothing was made. */
bool revision_unpack(struct arena *a, struct str workspace, struct str name, struct str *folder,
                     struct str *made, struct err *e) MUST_CHECK;
void revision_remove(struct str made);

#endif
