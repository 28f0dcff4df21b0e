/* How an endpoint's deliveries stand, and those that were given up. */
#include "store/sqlite/private.h"

#include <stdlib.h>

/* What is pending in its table and has nothing in the tail is counted row by row where the tail has something of it. */
static void
count_pending(struct sqlite_store *store, struct store_request *request, int64_t endpoint)
{
	struct store_totals *totals = &request->admin->totals;
	size_t count;
	struct tail_delivery *waiting = tail_of(store, &request->arena, DELIVERY_PENDING, endpoint, &count);
	int64_t oldest = INT64_MAX;
	for (size_t i = 0; i < count; i++)
		oldest = waiting[i].message < oldest ? waiting[i].message : oldest;
	totals->pending = (int64_t)count;
	sqlite3_stmt *row = sql_bind(store, SQL_ENDPOINT_PENDING, "i", endpoint);
	while (sql_step(store, row)) {
		int64_t message = sqlite3_column_int64(row, 0);
		if (tail_find(&store->tail, message, endpoint) != NULL)
			continue;
		totals->pending++;
		oldest = message < oldest ? message : oldest;
	}
	totals->oldest = oldest == INT64_MAX ? WALL_NONE : id_time(oldest);
}

/* The last one that failed, of so many of the newest. */
static void
find_failed(struct sqlite_store *store, struct store_request *request, int64_t endpoint)
{
	const struct tail *tail = &store->tail;
	int64_t left = STORE_RECENT_ATTEMPTS;
	for (size_t at = tail_attempt_count(tail); at > 0 && left > 0; at--) {
		const struct attempt *attempt = tail_attempt(tail, at - 1);
		if (attempt->endpoint.value != endpoint)
			continue;
		left--;
		if (!attempt->succeeded) {
			request->admin->attempt = attempt_from_tail(store, attempt, &request->arena);
			return;
		}
	}
	sqlite3_stmt *row = sql_bind(store, SQL_ATTEMPT_LAST_FAILED, "iii", endpoint, left, tail_attempts_from(tail));
	if (sql_step(store, row))
		request->admin->attempt = attempt_from_row(store, row, &request->arena);
	sql_end(row);
}

void
op_endpoint_totals(struct sqlite_store *store, struct store_request *request)
{
	struct directory_endpoint *entry = need_endpoint(store, need_organisation(store, request), request);
	if (entry == NULL)
		return;
	int64_t id = entry->endpoint.id.value;
	request->admin->endpoint = endpoint_copy(&request->arena, &entry->endpoint);
	sqlite3_stmt *row = sql_bind(store, SQL_ENDPOINT_TOTALS, "i", id);
	if (sql_step(store, row)) {
		int64_t accepted = sqlite3_column_int64(row, 0), oldest = sqlite3_column_int64(row, 3);
		/* What is in the tail is not saved with the endpoint. */
		request->admin->totals = (struct store_totals){
		    .accepted = accepted > entry->sequence ? accepted : entry->sequence,
		    .pending = sqlite3_column_int64(row, 1),
		    .exhausted = sqlite3_column_int64(row, 2),
		    .oldest = oldest == 0 ? WALL_NONE : id_time(oldest),
		};
	}
	sql_end(row);
	size_t at = 0;
	if (tail_next(&store->tail, id, &at) != NULL) {
		request->admin->totals.exhausted += tail_more(store, DELIVERY_EXHAUSTED, id, INT64_MIN, INT64_MAX);
		count_pending(store, request, id);
	}
	find_failed(store, request, id);
}

static struct attempt
last_attempt(
    struct sqlite_store *store, struct store_request *request, struct message_id message, struct endpoint_id endpoint)
{
	struct attempt attempt = {0};
	const struct attempt *newest = tail_attempt_last(&store->tail, message.value, endpoint.value);
	if (newest != NULL)
		return attempt_from_tail(store, newest, &request->arena);
	sqlite3_stmt *row = sql_bind(store, SQL_ATTEMPT_LAST_WHOLE, "ii", message.value, endpoint.value);
	if (sql_step(store, row))
		attempt = attempt_from_row(store, row, &request->arena);
	sql_end(row);
	return attempt;
}

static int
by_message(const void *left, const void *right)
{
	const struct tail_delivery *a = left, *b = right;
	return (a->message > b->message) - (a->message < b->message);
}

/* The next dead letter that the tail has nothing of; false: there is none. */
static bool
step_table(struct sqlite_store *store, sqlite3_stmt *row, int64_t endpoint)
{
	while (sql_step(store, row))
		if (tail_find(&store->tail, sqlite3_column_int64(row, 5), endpoint) == NULL)
			return true;
	return false;
}

void
op_dead_letters(struct sqlite_store *store, struct store_request *request)
{
	struct directory_endpoint *entry = need_endpoint(store, need_organisation(store, request), request);
	if (entry == NULL)
		return;
	struct store_page page = request->page;
	page.descending = false;
	int64_t above, below;
	page_range(&page, &above, &below);
	request->deliveries = arena_alloc(&request->arena, page.limit * sizeof request->deliveries[0]);
	request->attempts = arena_alloc(&request->arena, page.limit * sizeof request->attempts[0]);
	size_t count, at = 0;
	struct tail_delivery *given_up =
	    tail_of(store, &request->arena, DELIVERY_EXHAUSTED, entry->endpoint.id.value, &count);
	qsort(given_up, count, count == 0 ? 1 : sizeof *given_up, by_message);
	while (at < count && given_up[at].message <= above)
		at++;
	while (count > at && given_up[count - 1].message >= below)
		count--;
	sqlite3_stmt *row = sql_bind(store, SQL_DEAD_LETTERS, "iii", entry->endpoint.id.value, above, below);
	bool in_table = step_table(store, row, entry->endpoint.id.value);
	while (!request->more && (in_table || at < count)) {
		bool first = at < count && (!in_table || given_up[at].message < sqlite3_column_int64(row, 5));
		request->more = request->count == page.limit;
		if (request->more)
			break;
		struct store_delivery *delivery = &request->deliveries[request->count];
		if (first) {
			*delivery = delivery_from_tail(store, &given_up[at++]);
		} else {
			*delivery = (struct store_delivery){
			    .state = (enum delivery_state)sqlite3_column_int(row, 0),
			    .attempts = sqlite3_column_int(row, 1),
			    .due = {sqlite3_column_int64(row, 2)},
			    .sequence = sqlite3_column_int64(row, 3),
			    .trigger = (enum attempt_trigger)sqlite3_column_int(row, 4),
			    .message = message_from_row(row, 5),
			};
			in_table = step_table(store, row, entry->endpoint.id.value);
		}
		request->attempts[request->count++] =
		    last_attempt(store, request, delivery->message->id, entry->endpoint.id);
	}
	sql_end(row);
}
