/* Looks for what is stuck (M4): transactions, approvals, cases and endpoints that are in a state which something has to
 * follow, for longer than receiver.stuck_after. Raises an alert for each, and takes it back when it goes on.
 *
 * A background job over a connection to the database of its own. It reads each row of the journal once, keeps of every
 * resource that has not ended when it was last heard of, and folds those that are late exactly as `vaultbell track` does, from
 * the index of the journal: at most STUCK_CHECKED in one go. At most STUCK_OPEN_MAX are kept; more than that
 * are not watched, which the log says. */
#ifndef APP_STUCK_H
#define APP_STUCK_H

#include "app/background.h"

enum { STUCK_OPEN_MAX = 200000, STUCK_CHECKED = 50 };

struct stuck;

struct stuck_options {
	const char *database; /* copied */
	int64_t stuck_after_us;
	const struct log *log;
};

struct stuck *stuck_new(const struct stuck_options *options, struct background *background);
void stuck_free(struct stuck *stuck); /* after the background has stopped; NULL is fine */

#endif
