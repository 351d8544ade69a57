/* SPDX-License-Identifier: Apache-2.0
 *
 * beside: what `godwit dev` has running beside the engine, in a thread with a loop of
 * its own: the capture server, and an eye on the files of the workspace.
 *
 * The thread only gathers; the main thread asks. Mails wait in a list that is bounded
 * (what does not fit is counted), changes of files are one flag that rises when the
 * files have been left alone for a moment.
 */
#ifndef GODWIT_CLI_BESIDE_H
#define GODWIT_CLI_BESIDE_H

#include "cli/capture.h"

#define BESIDE_MAILS 4096 /* waiting to be asked for */

struct beside;

/* `maildir` is made when missing, its parent exists. NULL: e says why. */
struct beside *beside_start(const char *workspace, const char *maildir, int port,
                            struct err *e) MUST_CHECK;
int beside_port(const struct beside *b); /* where mail is caught, on 127.0.0.1 */

/* Files were changed since this was last true. */
bool beside_changed(struct beside *b);

/* Calls on_mail for at most `most` mails that wait; returns how many more there were: they
 * are not told any more. */
size_t beside_mails(struct beside *b, size_t most,
                    void (*on_mail)(void *ctx, const struct capture_mail *m), void *ctx);

/* Ends the thread and frees; NULL is fine. */
void beside_stop(struct beside *b);

#endif
