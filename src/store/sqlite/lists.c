/* Reading: messages, attempts, deliveries, the journal, counts. Every list is bounded by its page. */
#include "model/versions.h"
#include "store/sqlite/private.h"

int64_t
message_resolve(struct sqlite_store *store, struct organisation_id organisation, struct slice ref)
{
	int64_t id = 0;
	if (id_parse(ID_MESSAGE, ref, &id)) {
		sqlite3_stmt *row = sql_bind(store, SQL_MESSAGE_GET, "ii", id, organisation.value);
		bool found = sql_step(store, row);
		sql_end(row);
		return found ? id : 0;
	}
	sqlite3_stmt *row = sql_bind(store, SQL_MESSAGE_BY_EVENT, "it", organisation.value, ref);
	if (sql_step(store, row))
		id = sqlite3_column_int64(row, 0);
	sql_end(row);
	return id;
}

static int64_t
need_message(struct sqlite_store *store, struct directory_organisation *owner, struct store_request *request)
{
	if (owner == NULL)
		return 0;
	int64_t id = message_resolve(store, owner->organisation.id, request->message_ref);
	if (id == 0)
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE, "the organisation has no such message");
	return id;
}

void
page_range(const struct store_page *page, int64_t *above, int64_t *below)
{
	*above = page->floor - 1;
	*below = page->ceiling == 0 ? INT64_MAX : page->ceiling;
	if (page->after != 0 && page->descending && page->after < *below)
		*below = page->after;
	if (page->after != 0 && !page->descending && page->after > *above)
		*above = page->after;
}

void
tell_redactions(struct store_request *request, const struct directory_organisation *owner)
{
	request->organisation.redactions = arena_copy(&request->arena, owner->organisation.redactions);
}

/* --- messages --------------------------------------------------------------------------------------- */

void
op_message_get(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	int64_t id = need_message(store, owner, request);
	if (id == 0)
		return;
	tell_redactions(request, owner);
	sqlite3_stmt *row = sql_bind(store, SQL_MESSAGE_GET, "ii", id, owner->organisation.id.value);
	if (sql_step(store, row))
		request->message = message_from_row(row, 0);
	sql_end(row);
}

void
op_message_evidence(struct sqlite_store *store, struct store_request *request)
{
	op_message_get(store, request);
	if (request->message == NULL || request->status != OK)
		return;
	struct store_evidence *evidence = &request->evidence;
	struct slice payload = request->message->payload;
	evidence->known = evidence->kept = slice_present(payload);
	if (evidence->kept) {
		sha256(payload, evidence->sha256);
		return;
	}
	sqlite3_stmt *row = sql_bind(store, SQL_PURGED_GET, "i", request->message->id.value);
	if (sql_step(store, row)) {
		struct slice digest = versions_digest(sql_slice(row, 0), VERSION_FIRST);
		evidence->known = digest.len == SHA256_BYTES;
		if (evidence->known)
			memcpy(evidence->sha256, digest.ptr, SHA256_BYTES);
		evidence->purged.us = sqlite3_column_int64(row, 1);
	}
	sql_end(row);
}

/* Of a row, before its payload is looked at: channels are lines. */
static bool
kind_passes(const struct store_filter *filter, struct slice event_type, struct slice channels)
{
	if (filter->event_types.count > 0 && !slice_list_has(filter->event_types, event_type))
		return false;
	bool found = !slice_present(filter->channel);
	while (!found && slice_present(channels))
		found = slice_equal(slice_cut(&channels, '\n'), filter->channel);
	return found;
}

/* Counts a row that is looked at; false: the search has to end before it. */
static bool
look(struct store_request *request, size_t *looked, int64_t *last, int64_t id)
{
	if (*looked >= store_scan(&request->page)) {
		request->more = true;
		request->scanned = *last;
		return false;
	}
	++*looked;
	*last = id;
	return true;
}

void
op_message_list(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	if (owner == NULL)
		return;
	tell_redactions(request, owner);
	const struct store_page *page = &request->page;
	int64_t above, below;
	page_range(page, &above, &below);
	request->messages = arena_alloc(&request->arena, page->limit * sizeof request->messages[0]);
	sqlite3_stmt *row = sql_bind(store, page->descending ? SQL_MESSAGE_LIST_DOWN : SQL_MESSAGE_LIST_UP, "iii",
	    owner->organisation.id.value, above, below);
	size_t looked = 0;
	int64_t last = 0;
	while (!request->more && sql_step(store, row)) {
		if (!look(request, &looked, &last, sqlite3_column_int64(row, 0)))
			break;
		if (!kind_passes(&request->filter, sql_slice(row, 2), sql_slice(row, 4)))
			continue;
		request->more = request->count == page->limit;
		if (!request->more)
			request->messages[request->count++] = message_from_row(row, 0);
	}
	sql_end(row);
}

/* --- attempts --------------------------------------------------------------------------------------- */

struct attempt
attempt_from_row(struct sqlite_store *store, sqlite3_stmt *row, struct arena *arena)
{
	struct attempt attempt = {
	    .id = {sqlite3_column_int64(row, 0)},
	    .message = {sqlite3_column_int64(row, 1)},
	    .endpoint = {sqlite3_column_int64(row, 2)},
	    .number = sqlite3_column_int(row, 3),
	    .status_code = sqlite3_column_int(row, 4),
	    .duration_ms = sqlite3_column_int(row, 5),
	    .trigger = (enum attempt_trigger)sqlite3_column_int(row, 6),
	    .succeeded = sqlite3_column_int(row, 7) != 0,
	    .response = arena_copy(arena, sql_slice(row, 8)),
	    .event_type = arena_copy(arena, sql_slice(row, 9)),
	};
	struct directory_endpoint *entry = directory_endpoint_by_id(&store->directory, attempt.endpoint);
	attempt.url = entry == NULL ? SLICE("") : arena_copy(arena, entry->endpoint.url);
	return attempt;
}

void
op_attempt_get(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	int64_t message = need_message(store, owner, request);
	if (message == 0)
		return;
	tell_redactions(request, owner);
	sqlite3_stmt *row = sql_bind(store, SQL_ATTEMPT_GET, "ii", request->attempt_id, message);
	if (sql_step(store, row))
		request->attempt = attempt_from_row(store, row, &request->arena);
	else
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE, "the message has no such attempt");
	sql_end(row);
}

static bool
attempt_passes(struct sqlite_store *store, struct store_request *request, int64_t only_endpoint, sqlite3_stmt *row)
{
	const struct store_filter *filter = &request->filter;
	int status = sqlite3_column_int(row, 4);
	bool succeeded = sqlite3_column_int(row, 7) != 0;
	if (only_endpoint != 0 && sqlite3_column_int64(row, 2) != only_endpoint)
		return false;
	if (filter->status >= 0 && filter->status != (succeeded ? 0 : 2))
		return false;
	if (filter->status_code_class >= 0 && filter->status_code_class != status / 100 * 100)
		return false;
	if (filter->event_types.count == 0 && !slice_present(filter->channel))
		return true;
	struct directory_endpoint *entry =
	    directory_endpoint_by_id(&store->directory, (struct endpoint_id){sqlite3_column_int64(row, 2)});
	if (entry == NULL)
		return false;
	sqlite3_stmt *of =
	    sql_bind(store, SQL_MESSAGE_KIND, "ii", sqlite3_column_int64(row, 1), entry->endpoint.organisation.value);
	bool passes = sql_step(store, of) && kind_passes(filter, sql_slice(of, 0), sql_slice(of, 1));
	sql_end(of);
	return passes;
}

void
op_attempt_list(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	if (owner == NULL)
		return;
	tell_redactions(request, owner);
	const struct store_page *page = &request->page;
	bool of_message = slice_present(request->message_ref);
	int64_t key, only_endpoint = 0;
	if (of_message) {
		key = need_message(store, owner, request);
		if (key == 0)
			return;
		if (slice_present(request->filter.endpoint_ref)) {
			struct directory_endpoint *only = directory_endpoint(owner, request->filter.endpoint_ref);
			if (only == NULL)
				return;
			only_endpoint = only->endpoint.id.value;
		}
	} else {
		struct directory_endpoint *entry = need_endpoint(store, owner, request);
		if (entry == NULL)
			return;
		key = entry->endpoint.id.value;
	}
	static const enum sql statements[2][2] = {{SQL_ATTEMPT_OF_ENDPOINT_UP, SQL_ATTEMPT_OF_ENDPOINT_DOWN},
	    {SQL_ATTEMPT_OF_MESSAGE_UP, SQL_ATTEMPT_OF_MESSAGE_DOWN}};
	int64_t above, below;
	page_range(page, &above, &below);
	request->attempts = arena_alloc(&request->arena, page->limit * sizeof request->attempts[0]);
	sqlite3_stmt *row = sql_bind(store, statements[of_message][page->descending], "iii", key, above, below);
	size_t looked = 0;
	int64_t last = 0;
	while (!request->more && sql_step(store, row)) {
		if (!look(request, &looked, &last, sqlite3_column_int64(row, 0)))
			break;
		if (!attempt_passes(store, request, only_endpoint, row))
			continue;
		request->more = request->count == page->limit;
		if (!request->more)
			request->attempts[request->count++] = attempt_from_row(store, row, &request->arena);
	}
	sql_end(row);
}

/* --- deliveries ------------------------------------------------------------------------------------- */

static struct store_delivery
delivery_from_row(sqlite3_stmt *row, int column)
{
	return (struct store_delivery){
	    .state = (enum delivery_state)sqlite3_column_int(row, column),
	    .attempts = sqlite3_column_int(row, column + 1),
	    .due = {sqlite3_column_int64(row, column + 2)},
	    .sequence = sqlite3_column_int64(row, column + 3),
	    .trigger = (enum attempt_trigger)sqlite3_column_int(row, column + 4),
	};
}

void
op_message_endpoints(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	int64_t id = need_message(store, owner, request);
	if (id == 0)
		return;
	const struct store_page *page = &request->page;
	int64_t above, below;
	page_range(page, &above, &below);
	request->deliveries = arena_alloc(&request->arena, page->limit * sizeof request->deliveries[0]);
	sqlite3_stmt *row = sql_bind(store, SQL_DELIVERY_OF_MESSAGE, "i", id);
	while (!request->more && sql_step(store, row)) {
		int64_t endpoint = sqlite3_column_int64(row, 0);
		struct directory_endpoint *entry =
		    directory_endpoint_by_id(&store->directory, (struct endpoint_id){endpoint});
		if (entry == NULL || endpoint <= above || endpoint >= below)
			continue;
		request->more = request->count == page->limit;
		if (request->more)
			break;
		struct store_delivery delivery = delivery_from_row(row, 1);
		delivery.endpoint = arena_alloc(&request->arena, sizeof *delivery.endpoint);
		*delivery.endpoint = endpoint_copy(&request->arena, &entry->endpoint);
		request->deliveries[request->count++] = delivery;
	}
	sql_end(row);
}

static bool
delivery_passes(const struct store_filter *filter, const struct store_delivery *delivery)
{
	switch (filter->status) {
	case -1: return true;
	case 0: return delivery->state == DELIVERY_DELIVERED;
	case 2: return delivery->state == DELIVERY_EXHAUSTED || delivery->state == DELIVERY_CANCELLED;
	case 3: return delivery->state == DELIVERY_PENDING;
	default: return false;
	}
}

void
op_endpoint_messages(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	struct directory_endpoint *entry = need_endpoint(store, owner, request);
	if (entry == NULL)
		return;
	tell_redactions(request, owner);
	const struct store_page *page = &request->page;
	int64_t above, below;
	page_range(page, &above, &below);
	request->deliveries = arena_alloc(&request->arena, page->limit * sizeof request->deliveries[0]);
	sqlite3_stmt *row = sql_bind(store, page->descending ? SQL_MESSAGE_LIST_DOWN : SQL_MESSAGE_LIST_UP, "iii",
	    owner->organisation.id.value, above, below);
	size_t looked = 0;
	int64_t last = 0;
	while (!request->more && sql_step(store, row)) {
		if (!look(request, &looked, &last, sqlite3_column_int64(row, 0)))
			break;
		if (!kind_passes(&request->filter, sql_slice(row, 2), sql_slice(row, 4)))
			continue;
		sqlite3_stmt *of =
		    sql_bind(store, SQL_DELIVERY_GET, "ii", sqlite3_column_int64(row, 0), entry->endpoint.id.value);
		bool found = sql_step(store, of);
		struct store_delivery delivery = found ? delivery_from_row(of, 0) : (struct store_delivery){0};
		sql_end(of);
		if (!found || !delivery_passes(&request->filter, &delivery))
			continue;
		request->more = request->count == page->limit;
		if (request->more)
			break;
		delivery.message = message_from_row(row, 0);
		request->deliveries[request->count++] = delivery;
	}
	sql_end(row);
}

/* --- counts ----------------------------------------------------------------------------------------- */

void
op_counts(struct sqlite_store *store, struct store_request *request)
{
	sqlite3_stmt *row = sql_get(store, SQL_COUNTS);
	if (sql_step(store, row))
		request->counts = (struct store_counts){
		    .messages = sqlite3_column_int64(row, 0),
		    .deliveries_pending = sqlite3_column_int64(row, 1),
		    .deliveries_delivered = sqlite3_column_int64(row, 2),
		    .deliveries_exhausted = sqlite3_column_int64(row, 3),
		    .attempts = sqlite3_column_int64(row, 4),
		    .journal = sqlite3_column_int64(row, 5),
		};
	sql_end(row);
}
