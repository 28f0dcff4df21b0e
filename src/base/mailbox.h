/* A mailbox: how threads hand each other work, a batch at a time and with one wake-up.
 *
 * Many senders, one receiver. A `struct mail` is the head of whatever is sent; it is owned by the sender until
 * mailbox_post, by the receiver after. Posting is one compare-and-swap for a whole batch; the eventfd is written
 * only when the receiver sleeps (measured: handing over item by item cost more than any choice of threads).
 *
 * Invariants
 * 1. Mail from one thread arrives in the order in which it was posted.
 * 2. A receiver that called mailbox_may_sleep and got true is woken by the next post.
 * The bound on what is in a mailbox is the bound on its senders: open connections, requests in flight. */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include "base/macros.h"

#include <stdatomic.h>
#include <stdbool.h>

struct mail {
	struct mail *next;
	int kind; /* the receiver's enumeration */
};

struct mail_list {
	struct mail *first, **last;
	size_t count;
};

void mail_list_init(struct mail_list *list);
void mail_list_add(struct mail_list *list, struct mail *mail);
struct mail *mail_list_pop(struct mail_list *list); /* NULL when empty */

struct mailbox {
	_Atomic(struct mail *) newest; /* newest first */
	atomic_bool sleeping;
	int fd; /* eventfd: readable when the receiver was woken */
};

void mailbox_init(struct mailbox *box);
void mailbox_fini(struct mailbox *box); /* must be empty of what anyone still needs */
void mailbox_post(struct mailbox *box, struct mail *mail);
void mailbox_post_list(struct mailbox *box, struct mail_list *list); /* empties the list */
/* Everything that has come, oldest first. Only the receiver. */
struct mail_list mailbox_take(struct mailbox *box);
/* Receiver: announces sleep; false when mail is there already (do not sleep). */
bool mailbox_may_sleep(struct mailbox *box);
/* Receiver: after waking. */
void mailbox_awake(struct mailbox *box);
/* For a receiver without a loop: blocks until there is mail. */
void mailbox_wait(struct mailbox *box);

#endif
