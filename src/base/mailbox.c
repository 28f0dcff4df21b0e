#include "base/mailbox.h"

#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

void
mail_list_init(struct mail_list *list)
{
	list->first = NULL;
	list->last = &list->first;
	list->count = 0;
}

void
mail_list_add(struct mail_list *list, struct mail *mail)
{
	mail->next = NULL;
	*list->last = mail;
	list->last = &mail->next;
	list->count++;
}

struct mail *
mail_list_pop(struct mail_list *list)
{
	struct mail *mail = list->first;
	if (mail == NULL)
		return NULL;
	list->first = mail->next;
	if (list->first == NULL)
		list->last = &list->first;
	list->count--;
	return mail;
}

void
mailbox_init(struct mailbox *box)
{
	atomic_init(&box->newest, NULL);
	atomic_init(&box->sleeping, false);
	box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ENSURE(box->fd >= 0);
}

void
mailbox_fini(struct mailbox *box)
{
	close(box->fd);
	box->fd = -1;
}

static void
push(struct mailbox *box, struct mail *newest, struct mail *oldest)
{
	struct mail *head = atomic_load_explicit(&box->newest, memory_order_relaxed);
	do
		oldest->next = head;
	while (!atomic_compare_exchange_weak(&box->newest, &head, newest));
	if (atomic_exchange(&box->sleeping, false)) {
		uint64_t one = 1;
		/* The only failure is a full counter, and then the receiver is awake already. */
		ssize_t written = write(box->fd, &one, sizeof one);
		(void)written;
	}
}

void
mailbox_post(struct mailbox *box, struct mail *mail)
{
	push(box, mail, mail);
}

void
mailbox_post_list(struct mailbox *box, struct mail_list *list)
{
	if (list->first == NULL)
		return;
	struct mail *newest = NULL, *oldest = list->first;
	for (struct mail *mail = list->first; mail != NULL;) {
		struct mail *next = mail->next;
		mail->next = newest;
		newest = mail;
		mail = next;
	}
	mail_list_init(list);
	push(box, newest, oldest);
}

struct mail_list
mailbox_take(struct mailbox *box)
{
	struct mail *newest = atomic_exchange(&box->newest, NULL);
	struct mail_list list;
	mail_list_init(&list);
	if (newest == NULL)
		return list;
	struct mail *oldest = NULL;
	list.last = &newest->next;
	for (struct mail *mail = newest; mail != NULL;) {
		struct mail *next = mail->next;
		mail->next = oldest;
		oldest = mail;
		mail = next;
		list.count++;
	}
	list.first = oldest;
	return list;
}

bool
mailbox_may_sleep(struct mailbox *box)
{
	atomic_store(&box->sleeping, true);
	if (atomic_load(&box->newest) == NULL)
		return true;
	atomic_store(&box->sleeping, false);
	return false;
}

void
mailbox_awake(struct mailbox *box)
{
	atomic_store(&box->sleeping, false);
	uint64_t count;
	ssize_t got = read(box->fd, &count, sizeof count);
	(void)got;
}

void
mailbox_wait(struct mailbox *box)
{
	if (!mailbox_may_sleep(box))
		return;
	struct pollfd poll_fd = {.fd = box->fd, .events = POLLIN};
	(void)poll(&poll_fd, 1, -1);
	mailbox_awake(box);
}
