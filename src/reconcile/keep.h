/* Hands what a reconciliation found to the store that keeps breaks over the runs (store/break.h).
 *
 * In bounded steps, each a commit of its own: a run that is interrupted has kept some of what it found and closed nothing,
 * and the next one goes on from there. Only a run that looked at everything closes what it did not find.
 *
 * A break that is new, or open again, raises an alert, and one that is matched resolves it. A run that finds more new ones
 * than KEEP_ALERTS raises one for all: whoever is told of each of a thousand is told of none. */
#ifndef RECONCILE_KEEP_H
#define RECONCILE_KEEP_H

#include "reconcile/reconcile.h"

enum { KEEP_ALERTS = 20 };
/* The key of the alert for all. */
#define KEEP_ALERT_RUN SLICE("reconciliation")

/* `now` is the time of the run, later than that of every one before. Fills the tally. */
MUST_CHECK enum error_code reconcile_keep(const struct reconcile *reconcile, struct store *store, struct wall_time now,
    struct store_break_run *out, struct error *error);

#endif
