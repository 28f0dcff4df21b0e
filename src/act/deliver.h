/* Delivery to destinations: the layer beside the transport. The sender does not know of it: it transmits, and what goes to
 * one of the receiver's own destinations is taken here, which reports it as the transport would.
 *
 * Invariants
 * 1. Every transmission that was taken is reported once, from act_deliver_turn or act_deliver_landed, unless it is freed
 *    before.
 * 2. Nothing here blocks the loop: commands are watched, files and databases have threads of their own.
 * 3. A destination that has redactions never sees a body without them. */
#ifndef ACT_DELIVER_H
#define ACT_DELIVER_H

#include "act/act.h"
#include "base/log.h"
#include "base/loop.h"
#include "transport/transport.h"

struct act_deliver;

struct act_deliver_options {
	const struct act *act; /* borrowed */
	struct loop *loop;
	int mail_kind;		  /* of what comes back into the loop's mailbox: for act_deliver_mail */
	char *const *environment; /* environ's form; borrowed */
	int64_t timeout_ms;	  /* of destinations without one of their own */
	const struct log *log;
	void *context;
	void (*send)(void *context, struct transmission *transmission); /* over HTTP: its report comes to _landed */
	void (*done)(void *context, struct transmission *transmission); /* reported */
};

struct act_deliver *act_deliver_new(const struct act_deliver_options *options);
/* False: it is for no destination of ours, and nothing was done. */
MUST_CHECK bool act_deliver_send(struct act_deliver *deliver, struct transmission *transmission);
/* What came of one that went over HTTP: says whether it is final. Not reported here. */
void act_deliver_landed(struct act_deliver *deliver, struct transmission *transmission);
void act_deliver_mail(struct act_deliver *deliver, struct mail *mail);
/* Reports what has ended. Microseconds until it must be called again, or -1. */
int64_t act_deliver_turn(struct act_deliver *deliver);
/* Opens the files anew: whoever rotates them has moved them away. */
void act_deliver_reopen(struct act_deliver *deliver);
void act_deliver_free(struct act_deliver *deliver);

#endif
