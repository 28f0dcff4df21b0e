/* Looks after the numbers that sources give their events: tells of what is missing, and fills it from the sender's feed.
 * A background job of the receiver.
 *
 * A number is missing when a later one, or a heartbeat's newest, came longer ago than receiver.gap_grace. That is seen
 * here without asking anybody. Where the source has a pull_url, what is missing is asked for; each event goes to the
 * in-loop, which verifies it with the source's keys like a push, and is journalled as looked up. What the sender does not
 * keep any more is given up, and said.
 *
 * A number that no signature covers makes the feed be asked, and nothing else, until the feed says that it is there. */
#ifndef APP_GAPS_H
#define APP_GAPS_H

#include "app/background.h"
#include "config/config.h"
#include "receive/receive.h"

struct gaps;

struct gaps_options {
	const struct config *config;
	const struct receive_sources *sources; /* borrowed; of them only what never changes is read */
	struct mailbox *mailbox;	       /* where pulled events go (server/gateway.h), as mail of `kind` */
	int kind;
	const struct log *log;
};

struct gaps *gaps_new(const struct gaps_options *options, struct background *background);
void gaps_free(struct gaps *gaps); /* after the background has stopped */

#endif
