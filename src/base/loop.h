/* An event loop for one thread: epoll, one timer, one mailbox.
 *
 * What it owns: the epoll descriptor and the mailbox. Sources are embedded in their owners and must be removed
 * before these go. Callbacks run one after another and may add and remove sources; removing a source in the same
 * turn in which it is ready is safe (its callback is not called any more). */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/clock.h"
#include "base/mailbox.h"

struct loop;

struct loop_source {
	int fd;
	uint32_t events; /* EPOLLIN | EPOLLOUT … as asked for */
	void (*ready)(struct loop_source *source, uint32_t events);
};

struct loop_handlers {
	void (*mail)(void *context, struct mail_list mail); /* what came into the mailbox, in order */
	/* Once a turn, after all callbacks: do what is due. Returns how long the loop may sleep: microseconds,
	 * 0 for not at all, negative for until something happens. */
	int64_t (*turn)(void *context);
};

struct loop *loop_new(const struct loop_handlers *handlers, void *context);
void loop_free(struct loop *loop);
struct mailbox *loop_mailbox(struct loop *loop);
void loop_add(struct loop *loop, struct loop_source *source);
void loop_change(struct loop *loop, struct loop_source *source, uint32_t events);
void loop_remove(struct loop *loop, struct loop_source *source);
/* Runs until loop_stop (called from the loop's own thread). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
