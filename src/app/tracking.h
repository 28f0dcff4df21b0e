/* Writes the index of the journal by resource (store_track), by which `vaultbell track`, the receiver's API and the search for
 * what is stuck find the events of one transaction without reading all of them.
 *
 * A background job over a connection to the database of its own: it reads each row once, behind the journal, and has the
 * store put what it found in small commits. A receiver that has none yet, or had it taken away, makes it from the beginning. */
#ifndef APP_TRACKING_H
#define APP_TRACKING_H

#include "app/background.h"

struct tracking;

/* `database` is copied. */
struct tracking *tracking_new(const char *database, const struct log *log, struct background *background);
void tracking_free(struct tracking *tracking); /* after the background has stopped; NULL is fine */

#endif
