#include "base/loop.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 128 };

struct loop {
	struct loop_handlers handlers;
	void *context;
	struct mailbox mailbox;
	struct loop_source mailbox_source;
	int epoll_fd;
	bool stopped;
	struct epoll_event events[EVENTS_PER_TURN];
	int ready, next; /* events[next..ready) are still to be called */
};

struct loop *
loop_new(const struct loop_handlers *handlers, void *context)
{
	struct loop *loop = mem_zero(1, sizeof *loop);
	loop->handlers = *handlers;
	loop->context = context;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ENSURE(loop->epoll_fd >= 0);
	mailbox_init(&loop->mailbox);
	loop->mailbox_source = (struct loop_source){.fd = loop->mailbox.fd, .events = EPOLLIN};
	loop_add(loop, &loop->mailbox_source);
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	mailbox_fini(&loop->mailbox);
	close(loop->epoll_fd);
	free(loop);
}

struct mailbox *
loop_mailbox(struct loop *loop)
{
	return &loop->mailbox;
}

static void
control(struct loop *loop, int operation, struct loop_source *source)
{
	struct epoll_event event = {.events = source->events, .data.ptr = source};
	ENSURE(epoll_ctl(loop->epoll_fd, operation, source->fd, &event) == 0);
}

void
loop_add(struct loop *loop, struct loop_source *source)
{
	control(loop, EPOLL_CTL_ADD, source);
}

void
loop_change(struct loop *loop, struct loop_source *source, uint32_t events)
{
	if (source->events == events)
		return;
	source->events = events;
	control(loop, EPOLL_CTL_MOD, source);
}

void
loop_remove(struct loop *loop, struct loop_source *source)
{
	/* The descriptor may be closed already, which has removed it. */
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	for (int i = loop->next; i < loop->ready; i++)
		if (loop->events[i].data.ptr == source)
			loop->events[i].data.ptr = NULL;
}

void
loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

static int
sleep_ms(int64_t us)
{
	if (us < 0)
		return -1;
	int64_t ms = (us + 999) / 1000;
	return ms > 60000 ? 60000 : (int)ms;
}

void
loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		struct mail_list mail = mailbox_take(&loop->mailbox);
		if (mail.first != NULL)
			loop->handlers.mail(loop->context, mail);
		int timeout = sleep_ms(loop->handlers.turn(loop->context));
		if (loop->stopped)
			break;
		if (timeout != 0 && !mailbox_may_sleep(&loop->mailbox))
			timeout = 0;
		loop->ready = epoll_wait(loop->epoll_fd, loop->events, EVENTS_PER_TURN, timeout);
		if (timeout != 0)
			atomic_store(&loop->mailbox.sleeping, false);
		if (loop->ready < 0) {
			ENSURE(errno == EINTR);
			loop->ready = 0;
		}
		for (loop->next = 0; loop->next < loop->ready;) {
			struct epoll_event *event = &loop->events[loop->next++];
			struct loop_source *source = event->data.ptr;
			if (source == &loop->mailbox_source)
				mailbox_awake(&loop->mailbox);
			else if (source != NULL)
				source->ready(source, event->events);
		}
	}
	loop->stopped = false; /* it may be run again */
}
