/* Reading: messages, attempts, deliveries, the journal, counts. Every list is bounded by its page. */
#include "model/versions.h"
#include "store/sqlite/private.h"

#include <stdlib.h>

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
	request->redactions = arena_copy(&request->arena, owner->organisation.redactions);
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
	struct store_evidence *evidence = &request->admin->evidence;
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

/* As the row has it: what it points to is borrowed until the next step. */
static struct attempt
attempt_of_row(sqlite3_stmt *row)
{
	return (struct attempt){
	    .id = {sqlite3_column_int64(row, 0)},
	    .message = {sqlite3_column_int64(row, 1)},
	    .endpoint = {sqlite3_column_int64(row, 2)},
	    .number = sqlite3_column_int(row, 3),
	    .status_code = sqlite3_column_int(row, 4),
	    .duration_ms = sqlite3_column_int(row, 5),
	    .trigger = (enum attempt_trigger)sqlite3_column_int(row, 6),
	    .succeeded = sqlite3_column_int(row, 7) != 0,
	    .response = sql_slice(row, 8),
	    .event_type = sql_slice(row, 9),
	};
}

static struct attempt
attempt_keep(struct sqlite_store *store, const struct attempt *attempt, struct arena *arena)
{
	struct attempt kept = *attempt;
	struct directory_endpoint *entry = directory_endpoint_by_id(&store->directory, attempt->endpoint);
	kept.response = arena_copy(arena, attempt->response);
	kept.event_type = arena_copy(arena, attempt->event_type);
	kept.url = entry == NULL ? SLICE("") : arena_copy(arena, entry->endpoint.url);
	return kept;
}

struct attempt
attempt_from_row(struct sqlite_store *store, sqlite3_stmt *row, struct arena *arena)
{
	struct attempt attempt = attempt_of_row(row);
	return attempt_keep(store, &attempt, arena);
}

struct attempt
attempt_from_tail(struct sqlite_store *store, const struct attempt *attempt, struct arena *arena)
{
	struct attempt kept = *attempt;
	sqlite3_stmt *row = sql_bind(store, SQL_MESSAGE_TYPE, "i", attempt->message.value);
	if (sql_step(store, row))
		kept.event_type = arena_copy(arena, sql_slice(row, 0));
	sql_end(row);
	return attempt_keep(store, &kept, arena);
}

void
op_attempt_get(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	int64_t message = need_message(store, owner, request);
	if (message == 0)
		return;
	tell_redactions(request, owner);
	for (size_t i = 0; i < tail_attempt_count(&store->tail); i++) {
		const struct attempt *attempt = tail_attempt(&store->tail, i);
		if (attempt->id.value != request->attempt_id || attempt->message.value != message)
			continue;
		request->admin->attempt = attempt_from_tail(store, attempt, &request->arena);
		return;
	}
	sqlite3_stmt *row = sql_bind(store, SQL_ATTEMPT_GET, "ii", request->attempt_id, message);
	if (sql_step(store, row))
		request->admin->attempt = attempt_from_row(store, row, &request->arena);
	else
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE, "the message has no such attempt");
	sql_end(row);
}

static bool
attempt_passes(
    struct sqlite_store *store, struct store_request *request, int64_t only_endpoint, const struct attempt *attempt)
{
	const struct store_filter *filter = &request->filter;
	if (only_endpoint != 0 && attempt->endpoint.value != only_endpoint)
		return false;
	if (filter->status >= 0 && filter->status != (attempt->succeeded ? 0 : 2))
		return false;
	if (filter->status_code_class >= 0 && filter->status_code_class != attempt->status_code / 100 * 100)
		return false;
	if (filter->event_types.count == 0 && !slice_present(filter->channel))
		return true;
	struct directory_endpoint *entry = directory_endpoint_by_id(&store->directory, attempt->endpoint);
	if (entry == NULL)
		return false;
	sqlite3_stmt *of =
	    sql_bind(store, SQL_MESSAGE_KIND, "ii", attempt->message.value, entry->endpoint.organisation.value);
	bool passes = sql_step(store, of) && kind_passes(filter, sql_slice(of, 0), sql_slice(of, 1));
	sql_end(of);
	return passes;
}

/* The attempts of a message or of an endpoint, between two ids: those of the table, then those of the tail; descending,
 * the other way round. */
struct attempts {
	struct sqlite_store *store;
	bool of_message, descending;
	int64_t key, above, below;
	sqlite3_stmt *row; /* NULL: not begun */
	bool table_ended;
	size_t at;	/* in the tail, how many were looked at */
	bool from_tail; /* the last one was */
};

static const struct attempt *
next_of_tail(struct attempts *list)
{
	const struct tail *tail = &list->store->tail;
	size_t count = tail_attempt_count(tail);
	while (list->at < count) {
		const struct attempt *attempt = tail_attempt(tail, list->descending ? count - 1 - list->at : list->at);
		list->at++;
		int64_t key = list->of_message ? attempt->message.value : attempt->endpoint.value;
		if (key == list->key && attempt->id.value > list->above && attempt->id.value < list->below)
			return attempt;
	}
	return NULL;
}

static bool
next_of_table(struct attempts *list)
{
	static const enum sql statements[2][2] = {{SQL_ATTEMPT_OF_ENDPOINT_UP, SQL_ATTEMPT_OF_ENDPOINT_DOWN},
	    {SQL_ATTEMPT_OF_MESSAGE_UP, SQL_ATTEMPT_OF_MESSAGE_DOWN}};
	int64_t from = tail_attempts_from(&list->store->tail);
	if (list->row == NULL)
		list->row = sql_bind(list->store, statements[list->of_message][list->descending], "iii", list->key,
		    list->above, list->below < from ? list->below : from);
	list->table_ended = list->table_ended || !sql_step(list->store, list->row);
	return !list->table_ended;
}

/* Borrowed until the next one; false: there is none. */
static bool
attempts_next(struct attempts *list, struct attempt *out)
{
	const struct attempt *in_tail = list->descending ? next_of_tail(list) : NULL;
	if (in_tail == NULL && next_of_table(list)) {
		list->from_tail = false;
		*out = attempt_of_row(list->row);
		return true;
	}
	if (in_tail == NULL && !list->descending)
		in_tail = next_of_tail(list);
	if (in_tail == NULL)
		return false;
	list->from_tail = true;
	*out = *in_tail;
	return true;
}

static void
list_attempts(struct sqlite_store *store, struct store_request *request, struct attempts *list, int64_t only_endpoint)
{
	const struct store_page *page = &request->page;
	struct attempt attempt;
	size_t looked = 0;
	int64_t last = 0;
	request->attempts = arena_alloc(&request->arena, page->limit * sizeof request->attempts[0]);
	while (!request->more && attempts_next(list, &attempt)) {
		if (!look(request, &looked, &last, attempt.id.value))
			break;
		if (!attempt_passes(store, request, only_endpoint, &attempt))
			continue;
		request->more = request->count == page->limit;
		if (!request->more)
			request->attempts[request->count++] =
			    (list->from_tail ? attempt_from_tail : attempt_keep)(store, &attempt, &request->arena);
	}
	sql_end(list->row);
}

void
op_attempt_list(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	if (owner == NULL)
		return;
	tell_redactions(request, owner);
	struct attempts list = {
	    .store = store, .of_message = slice_present(request->message_ref), .descending = request->page.descending};
	int64_t only_endpoint = 0;
	if (list.of_message) {
		list.key = need_message(store, owner, request);
		if (list.key == 0)
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
		list.key = entry->endpoint.id.value;
	}
	page_range(&request->page, &list.above, &list.below);
	list_attempts(store, request, &list, only_endpoint);
}

/* --- deliveries ------------------------------------------------------------------------------------- */

static struct store_delivery
delivery_of(const struct tail_delivery *delivery)
{
	return (struct store_delivery){
	    .state = delivery->state,
	    .attempts = delivery->attempts,
	    .due = {delivery->due},
	    .sequence = delivery->sequence,
	    .trigger = delivery->trigger,
	};
}

struct store_delivery
delivery_from_tail(struct sqlite_store *store, const struct tail_delivery *delivery)
{
	struct store_delivery whole = delivery_of(delivery);
	sqlite3_stmt *row = sql_bind(store, SQL_MESSAGE_ANY, "i", delivery->message);
	if (sql_step(store, row))
		whole.message = message_from_row(row, 0);
	sql_end(row);
	return whole;
}

struct of_message {
	struct tail_delivery *rows;
	size_t count;
};

static int
by_endpoint(const void *left, const void *right)
{
	const struct tail_delivery *a = left, *b = right;
	return (a->endpoint > b->endpoint) - (a->endpoint < b->endpoint);
}

/* The deliveries of a message by rising endpoint, as the tail and the table have them. */
static struct of_message
deliveries_of_message(struct sqlite_store *store, int64_t message, struct arena *arena)
{
	struct of_message list = {NULL, 0};
	const struct tail_delivery *delivery;
	size_t room = 0, at = 0;
	sqlite3_stmt *row = sql_bind(store, SQL_DELIVERY_COUNT, "i", message);
	if (sql_step(store, row))
		room = (size_t)sqlite3_column_int64(row, 0);
	sql_end(row);
	while ((delivery = tail_next(&store->tail, 0, &at)) != NULL)
		room += delivery->message == message;
	list.rows = arena_alloc(arena, (room + 1) * sizeof list.rows[0]);
	row = sql_bind(store, SQL_DELIVERY_OF_MESSAGE, "i", message);
	while (list.count < room && sql_step(store, row)) {
		int64_t endpoint = sqlite3_column_int64(row, 0);
		if (tail_find(&store->tail, message, endpoint) == NULL)
			list.rows[list.count++] = (struct tail_delivery){
			    .message = message,
			    .endpoint = endpoint,
			    .state = (enum delivery_state)sqlite3_column_int(row, 1),
			    .attempts = sqlite3_column_int(row, 2),
			    .due = sqlite3_column_int64(row, 3),
			    .sequence = sqlite3_column_int64(row, 4),
			    .trigger = (enum attempt_trigger)sqlite3_column_int(row, 5),
			};
	}
	sql_end(row);
	at = 0;
	while (list.count < room && (delivery = tail_next(&store->tail, 0, &at)) != NULL)
		if (delivery->message == message)
			list.rows[list.count++] = *delivery;
	qsort(list.rows, list.count, sizeof list.rows[0], by_endpoint);
	return list;
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
	struct of_message list = deliveries_of_message(store, id, &request->arena);
	for (size_t i = 0; i < list.count; i++) {
		int64_t endpoint = list.rows[i].endpoint;
		struct directory_endpoint *entry =
		    directory_endpoint_by_id(&store->directory, (struct endpoint_id){endpoint});
		if (entry == NULL || endpoint <= above || endpoint >= below)
			continue;
		request->more = request->count == page->limit;
		if (request->more)
			break;
		struct store_delivery delivery = delivery_of(&list.rows[i]);
		delivery.endpoint = arena_alloc(&request->arena, sizeof *delivery.endpoint);
		*delivery.endpoint = endpoint_copy(&request->arena, &entry->endpoint);
		request->deliveries[request->count++] = delivery;
	}
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
		struct tail_delivery found;
		if (!tail_get(store, sqlite3_column_int64(row, 0), entry->endpoint.id.value, &found))
			continue;
		struct store_delivery delivery = delivery_of(&found);
		if (!delivery_passes(&request->filter, &delivery))
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

/* Those that are in the tail alone: a part that settles is in both. */
static int64_t
count_attempts_of_tail(struct sqlite_store *store)
{
	int64_t count = 0;
	for (size_t i = 0; i < tail_attempt_count(&store->tail); i++) {
		const struct attempt *attempt = tail_attempt(&store->tail, i);
		sqlite3_stmt *row = sql_bind(store, SQL_ATTEMPT_GET, "ii", attempt->id.value, attempt->message.value);
		count += !sql_step(store, row);
		sql_end(row);
	}
	return count;
}

void
op_counts(struct sqlite_store *store, struct store_request *request)
{
	struct store_counts *counts = &request->admin->counts;
	sqlite3_stmt *row = sql_get(store, SQL_COUNTS);
	if (sql_step(store, row))
		*counts = (struct store_counts){
		    .messages = sqlite3_column_int64(row, 0),
		    .deliveries_pending = sqlite3_column_int64(row, 1),
		    .deliveries_delivered = sqlite3_column_int64(row, 2),
		    .deliveries_exhausted = sqlite3_column_int64(row, 3),
		    .attempts = sqlite3_column_int64(row, 4),
		    .journal = sqlite3_column_int64(row, 5),
		};
	sql_end(row);
	counts->deliveries_pending += tail_more(store, DELIVERY_PENDING, 0, INT64_MIN, INT64_MAX);
	counts->deliveries_delivered += tail_more(store, DELIVERY_DELIVERED, 0, INT64_MIN, INT64_MAX);
	counts->deliveries_exhausted += tail_more(store, DELIVERY_EXHAUSTED, 0, INT64_MIN, INT64_MAX);
	counts->attempts += count_attempts_of_tail(store);
}
