/* Timers that are mostly cleared before they are due: a heap of four branches whose timers know their place, so that
 * a cleared one leaves at once (base/heap.h keeps stale entries until they come up, a time-out's length later). */
#ifndef TRANSPORT_TIMERS_H
#define TRANSPORT_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
	int64_t due_us; /* monotonic */
	size_t place;	/* in the heap, counted from 1; 0: not set */
};

struct timers {
	struct timer **items;
	size_t count, capacity;
};

void timers_set(struct timers *timers, struct timer *timer, int64_t due_us); /* also moves one that is set */
void timers_clear(struct timers *timers, struct timer *timer);		     /* nothing when it is not set */
struct timer *timers_first(const struct timers *timers);		     /* NULL: none is set */
void timers_fini(struct timers *timers);

#endif
