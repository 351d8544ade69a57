/* SPDX-License-Identifier: Apache-2.0
 *
 * session: settings of the engine's own connections. Its statements are written
 * for index access; plans must not turn into whole-table scans because a table
 * was empty when they were made.
 */
#ifndef GODWIT_ENGINE_SESSION_H
#define GODWIT_ENGINE_SESSION_H

struct db;

/* To be called from on_up; goes first in the line of requests. */
void session_settings(struct db *db);

#endif
