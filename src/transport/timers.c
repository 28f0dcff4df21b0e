#include "transport/timers.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { BRANCHES = 4, FIRST_CAPACITY = 64 };

static void
put(struct timers *timers, size_t at, struct timer *timer)
{
	timers->items[at] = timer;
	timer->place = at + 1;
}

static void
rise(struct timers *timers, size_t at, struct timer *timer)
{
	while (at > 0) {
		size_t parent = (at - 1) / BRANCHES;
		if (timers->items[parent]->due_us <= timer->due_us)
			break;
		put(timers, at, timers->items[parent]);
		at = parent;
	}
	put(timers, at, timer);
}

static void
sink(struct timers *timers, size_t at, struct timer *timer)
{
	for (;;) {
		size_t least = at * BRANCHES + 1, end = least + BRANCHES;
		if (least >= timers->count)
			break;
		if (end > timers->count)
			end = timers->count;
		for (size_t child = least + 1; child < end; child++)
			if (timers->items[child]->due_us < timers->items[least]->due_us)
				least = child;
		if (timers->items[least]->due_us >= timer->due_us)
			break;
		put(timers, at, timers->items[least]);
		at = least;
	}
	put(timers, at, timer);
}

void
timers_set(struct timers *timers, struct timer *timer, int64_t due_us)
{
	if (timer->place != 0 && timer->due_us == due_us)
		return;
	timers_clear(timers, timer);
	if (timers->count == timers->capacity) {
		timers->capacity = timers->capacity == 0 ? FIRST_CAPACITY : timers->capacity * 2;
		timers->items = mem_resize(timers->items, timers->capacity, sizeof(struct timer *));
	}
	timer->due_us = due_us;
	rise(timers, timers->count++, timer);
}

void
timers_clear(struct timers *timers, struct timer *timer)
{
	if (timer->place == 0)
		return;
	size_t at = timer->place - 1;
	timer->place = 0;
	struct timer *last = timers->items[--timers->count];
	if (last == timer)
		return;
	if (last->due_us < timer->due_us)
		rise(timers, at, last);
	else
		sink(timers, at, last);
}

struct timer *
timers_first(const struct timers *timers)
{
	return timers->count > 0 ? timers->items[0] : NULL;
}

void
timers_fini(struct timers *timers)
{
	free(timers->items);
	*timers = (struct timers){.count = 0};
}
