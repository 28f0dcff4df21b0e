/* Reading on, for a short while, from clients that were refused: see struct drain. */
#include "server/http_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DROP_BYTES = 16 << 10 };

static void
drain_end(struct drain *drain)
{
	struct drain_list *list = drain->list;
	if (drain->previous == NULL)
		list->first = drain->next;
	else
		drain->previous->next = drain->next;
	if (drain->next != NULL)
		drain->next->previous = drain->previous;
	loop_remove(list->loop, &drain->source);
	close(drain->source.fd);
	free(drain);
}

static void
read_and_drop(struct loop_source *source, uint32_t events)
{
	(void)events;
	struct drain *drain = CONTAINER_OF(source, struct drain, source);
	char bytes[DROP_BYTES];
	ssize_t got = recv(source->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || (size_t)got > drain->left)
		drain_end(drain);
	else
		drain->left -= (size_t)got;
}

void
drain_start(struct drain_list *list, int fd, struct mono_time now)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return;
	struct drain *drain = mem_zero(1, sizeof *drain);
	drain->source = (struct loop_source){.fd = own, .events = EPOLLIN, .ready = read_and_drop};
	drain->list = list;
	drain->until.us = now.us + DRAIN_US;
	drain->left = DRAIN_BYTES_MAX;
	drain->next = list->first;
	if (list->first != NULL)
		list->first->previous = drain;
	list->first = drain;
	loop_add(list->loop, &drain->source);
}

int64_t
drain_sweep(struct drain_list *list, struct mono_time now)
{
	int64_t wait = -1;
	for (struct drain *drain = list->first; drain != NULL;) {
		struct drain *next = drain->next;
		int64_t left = drain->until.us - now.us;
		if (left <= 0)
			drain_end(drain);
		else if (wait < 0 || left < wait)
			wait = left;
		drain = next;
	}
	return wait;
}

void
drain_end_all(struct drain_list *list)
{
	while (list->first != NULL)
		drain_end(list->first);
}
