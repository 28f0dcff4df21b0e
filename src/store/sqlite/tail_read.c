/* Reading the tail (tail.h) beside the tables: what they would show if it had settled. It is looked through from one end
 * to the other, which takes some tens of microseconds; only the delivery of a message and an endpoint is looked up. */
#include "store/sqlite/private.h"
#include "store/sqlite/tail.h"

#include <stdlib.h>

const struct tail_delivery *
tail_next(const struct tail *tail, int64_t endpoint, size_t *at)
{
	size_t settling = tail->settling.count, all = settling + tail->fresh.count;
	while (*at < all) {
		size_t place = (*at)++;
		const struct tail_delivery *delivery =
		    place < settling ? &tail->settling.deliveries[place] : &tail->fresh.deliveries[place - settling];
		if (endpoint != 0 && delivery->endpoint != endpoint)
			continue;
		/* What became of it later is in the other part. */
		if (place >= settling || tail_find(tail, delivery->message, delivery->endpoint) == delivery)
			return delivery;
	}
	return NULL;
}

size_t
tail_attempt_count(const struct tail *tail)
{
	return tail->settling.attempt_count + tail->fresh.attempt_count;
}

const struct attempt *
tail_attempt(const struct tail *tail, size_t at)
{
	size_t before = tail->settling.attempt_count;
	return at < before ? &tail->settling.attempts[at] : &tail->fresh.attempts[at - before];
}

const struct attempt *
tail_attempt_last(const struct tail *tail, int64_t message, int64_t endpoint)
{
	for (size_t at = tail_attempt_count(tail); at > 0; at--) {
		const struct attempt *attempt = tail_attempt(tail, at - 1);
		if (attempt->message.value == message && attempt->endpoint.value == endpoint)
			return attempt;
	}
	return NULL;
}

int64_t
tail_attempts_from(const struct tail *tail)
{
	return tail_attempt_count(tail) == 0 ? INT64_MAX : tail_attempt(tail, 0)->id.value;
}

static enum delivery_state
state_in_table(struct sqlite_store *store, const struct tail_delivery *delivery)
{
	sqlite3_stmt *row = sql_bind(store, SQL_DELIVERY_GET, "ii", delivery->message, delivery->endpoint);
	enum delivery_state state =
	    sql_step(store, row) ? (enum delivery_state)sqlite3_column_int(row, 0) : DELIVERY_STATE_COUNT;
	sql_end(row);
	return state;
}

int64_t
tail_more(struct sqlite_store *store, enum delivery_state state, int64_t endpoint, int64_t floor, int64_t below)
{
	int64_t more = 0;
	size_t at = 0;
	const struct tail_delivery *delivery;
	while ((delivery = tail_next(&store->tail, endpoint, &at)) != NULL)
		if (delivery->message >= floor && delivery->message < below)
			more += (delivery->state == state) - (state_in_table(store, delivery) == state);
	return more;
}

static int
by_due(const void *left, const void *right)
{
	const struct tail_delivery *a = left, *b = right;
	int order = (a->due > b->due) - (a->due < b->due);
	return order != 0 ? order : (a->message > b->message) - (a->message < b->message);
}

struct tail_delivery *
tail_of(struct sqlite_store *store, struct arena *arena, enum delivery_state state, int64_t endpoint, size_t *count)
{
	const struct tail *tail = &store->tail;
	const struct tail_delivery *delivery;
	size_t room = 0, at = 0;
	*count = 0;
	while ((delivery = tail_next(tail, endpoint, &at)) != NULL)
		room += delivery->state == state;
	if (room == 0)
		return NULL;
	struct tail_delivery *out = arena_alloc(arena, room * sizeof *out);
	at = 0;
	while ((delivery = tail_next(tail, endpoint, &at)) != NULL)
		if (delivery->state == state)
			out[(*count)++] = *delivery;
	qsort(out, *count, sizeof *out, by_due);
	return out;
}

bool
tail_has_pending(const struct tail *tail, int64_t message)
{
	size_t at = 0;
	const struct tail_delivery *delivery;
	while ((delivery = tail_next(tail, 0, &at)) != NULL)
		if (delivery->message == message && delivery->state == DELIVERY_PENDING)
			return true;
	return false;
}

int64_t
tail_first_made(const struct tail *tail)
{
	int64_t first = INT64_MAX;
	size_t at = 0;
	const struct tail_delivery *delivery;
	while ((delivery = tail_next(tail, 0, &at)) != NULL)
		if (delivery->made && delivery->message < first)
			first = delivery->message;
	return first;
}
