/* How an endpoint's deliveries stand, and those that were given up. */
#include "store/sqlite/private.h"

void
op_endpoint_totals(struct sqlite_store *store, struct store_request *request)
{
	struct directory_endpoint *entry = need_endpoint(store, need_organisation(store, request), request);
	if (entry == NULL)
		return;
	int64_t id = entry->endpoint.id.value;
	request->endpoint = endpoint_copy(&request->arena, &entry->endpoint);
	sqlite3_stmt *row = sql_bind(store, SQL_ENDPOINT_TOTALS, "i", id);
	if (sql_step(store, row)) {
		int64_t oldest = sqlite3_column_int64(row, 3);
		/* What this batch accepted is saved with its end. */
		request->totals = (struct store_totals){
		    .accepted = entry->sequence_changed ? entry->sequence : sqlite3_column_int64(row, 0),
		    .pending = sqlite3_column_int64(row, 1),
		    .exhausted = sqlite3_column_int64(row, 2),
		    .oldest = oldest == 0 ? WALL_NONE : id_time(oldest),
		};
	}
	sql_end(row);
	row = sql_bind(store, SQL_ATTEMPT_LAST_FAILED, "ii", id, (int64_t)STORE_RECENT_ATTEMPTS);
	if (sql_step(store, row))
		request->attempt = attempt_from_row(store, row, &request->arena);
	sql_end(row);
}

static struct attempt
last_attempt(
    struct sqlite_store *store, struct store_request *request, struct message_id message, struct endpoint_id endpoint)
{
	struct attempt attempt = {0};
	sqlite3_stmt *row = sql_bind(store, SQL_ATTEMPT_LAST_WHOLE, "ii", message.value, endpoint.value);
	if (sql_step(store, row))
		attempt = attempt_from_row(store, row, &request->arena);
	sql_end(row);
	return attempt;
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
	sqlite3_stmt *row = sql_bind(store, SQL_DEAD_LETTERS, "iii", entry->endpoint.id.value, above, below);
	while (!request->more && sql_step(store, row)) {
		request->more = request->count == page.limit;
		if (request->more)
			break;
		struct store_delivery *delivery = &request->deliveries[request->count];
		*delivery = (struct store_delivery){
		    .state = (enum delivery_state)sqlite3_column_int(row, 0),
		    .attempts = sqlite3_column_int(row, 1),
		    .due = {sqlite3_column_int64(row, 2)},
		    .sequence = sqlite3_column_int64(row, 3),
		    .trigger = (enum attempt_trigger)sqlite3_column_int(row, 4),
		    .message = message_from_row(row, 5),
		};
		request->attempts[request->count++] =
		    last_attempt(store, request, delivery->message->id, entry->endpoint.id);
	}
	sql_end(row);
}
