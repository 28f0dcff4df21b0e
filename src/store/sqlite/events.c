/* Accepting, recording, refilling: what happens tens of thousands of times a second. */
#include "model/versions.h"
#include "store/audit.h"
#include "store/emit.h"
#include "store/sqlite/private.h"

/* --- message rows ----------------------------------------------------------------------------------- */

struct slice
list_join(struct arena *arena, struct slice_list list)
{
	if (list.count == 0)
		return SLICE_NONE;
	struct buf lines;
	buf_init(&lines, (size_t)LIMIT_CHANNELS * (LIMIT_UID_BYTES + 1));
	for (size_t i = 0; i < list.count; i++) {
		if (i > 0)
			buf_byte(&lines, '\n');
		buf_append(&lines, list.items[i]);
	}
	struct slice joined = arena_copy(arena, buf_slice(&lines));
	buf_free(&lines);
	return joined;
}

struct slice_list
list_split(struct arena *arena, struct slice lines)
{
	struct slice_list list = {NULL, 0};
	if (!slice_present(lines))
		return list;
	list.items = arena_alloc(arena, LIMIT_CHANNELS * sizeof list.items[0]);
	struct slice rest = arena_copy(arena, lines);
	while (slice_present(rest) && list.count < LIMIT_CHANNELS)
		list.items[list.count++] = slice_cut(&rest, '\n');
	return list;
}

void
message_take_payload(struct message *message, struct slice posted, int64_t retention)
{
	message->retention_days = (int32_t)(retention & RETENTION_DAYS_MASK);
	/* What a receiver journals is nobody's: it is one body, whatever somebody wrote beside it. */
	versions_take(message, posted, message->organisation.value == 0 ? 0 : (size_t)(retention >> RETENTION_BITS));
}

struct message *
message_from_row(sqlite3_stmt *row, int column)
{
	struct message *message = message_new();
	struct arena *arena = &message->arena;
	message->id.value = sqlite3_column_int64(row, column);
	message->organisation.value = sqlite3_column_int64(row, column + 1);
	message->created = id_time(message->id.value);
	message->event_type = arena_copy(arena, sql_slice(row, column + 2));
	message->event_id = arena_copy(arena, sql_slice(row, column + 3));
	message->channels = list_split(arena, sql_slice(row, column + 4));
	message_take_payload(
	    message, arena_copy(arena, sql_slice(row, column + 6)), sqlite3_column_int64(row, column + 5));
	message->webhook_id = arena_copy(arena, sql_slice(row, column + 7));
	message->test = sqlite3_column_int(row, column + 8) != 0;
	return message;
}

void
insert_message(struct sqlite_store *store, struct store_request *request, struct message *message)
{
	message->id.value = id_next(&store->ids, request->now);
	message->created = id_time(message->id.value);
	sql_run(store, SQL_MESSAGE_PUT, "iitttibt", message->id.value, message->organisation.value, message->event_type,
	    message->event_id, list_join(&request->arena, message->channels),
	    (int64_t)message->versions.len << RETENTION_BITS | (int64_t)message->retention_days,
	    versions_whole(message), message->webhook_id);
	if (message->test)
		sql_run(store, SQL_TEST_PUT, "i", message->id.value);
}

/* --- fan-out ---------------------------------------------------------------------------------------- */

void
insert_delivery(struct sqlite_store *store, struct store_note *note, struct directory_endpoint *entry,
    const struct message *message, struct wall_time now)
{
	int64_t sequence = directory_number(&store->directory, entry);
	store->pending++;
	struct wall_time due = delivery_due(&entry->endpoint, now);
	tail_put(store, &(struct tail_delivery){
			    .message = message->id.value,
			    .endpoint = entry->endpoint.id.value,
			    .due = due.us,
			    .sequence = sequence,
			    .made = true,
			});
	feed_note(store, message->id.value, entry->endpoint.id.value, sequence);
	note->targets[note->target_count++] =
	    (struct store_note_target){.endpoint = entry->endpoint.id, .sequence = sequence, .due = due};
}

static void
fan_out(struct sqlite_store *store, struct directory_organisation *owner, struct message *message, struct wall_time now)
{
	size_t wanted = 0;
	for (size_t i = 0; i < owner->endpoint_count; i++)
		wanted += endpoint_wants(&owner->endpoints[i]->endpoint, message->event_type, message->channels);
	if (wanted == 0)
		return;
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, wanted);
	note->target_count = 0;
	note->message = message_ref(message);
	for (size_t i = 0; i < owner->endpoint_count; i++) {
		struct directory_endpoint *entry = owner->endpoints[i];
		if (endpoint_wants(&entry->endpoint, message->event_type, message->channels))
			insert_delivery(store, note, entry, message, now);
	}
	mail_list_add(store->notes, &note->mail);
}

/* --- accept ----------------------------------------------------------------------------------------- */

void
op_accept(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = directory_organisation(&store->directory, request->ref);
	const struct organisation *of = owner != NULL ? &owner->organisation : request->new_organisation;
	if (of != NULL && !store_entitled(&store->options, of, request->message->event_type, request))
		return;
	if (owner == NULL && request->new_organisation != NULL && !request->only_endpoint)
		owner = create_organisation(store, request, request->new_organisation);
	else if (owner == NULL)
		need_organisation(store, request);
	if (owner == NULL)
		return;
	struct message *message = request->message;
	message->organisation = owner->organisation.id;
	message->retention_days = store_retention(message, &owner->organisation);
	if (slice_present(message->event_id)) {
		sqlite3_stmt *row =
		    sql_bind(store, SQL_MESSAGE_BY_EVENT, "it", owner->organisation.id.value, message->event_id);
		bool taken = sql_step(store, row);
		sql_end(row);
		if (taken) {
			request_fail(request, ERR_CONFLICT, STORE_DETAIL_EVENT_ID_TAKEN,
			    "the organisation has a message with this eventId already");
			return;
		}
	}
	struct directory_endpoint *only = request->only_endpoint ? need_endpoint(store, owner, request) : NULL;
	if (only == NULL && request->only_endpoint)
		return;
	if (request->sandbox && owner->organisation.environment != ENVIRONMENT_SANDBOX) {
		request_fail(request, ERR_FORBIDDEN, STORE_DETAIL_NONE, STORE_ONLY_IN_A_SANDBOX);
		return;
	}
	insert_message(store, request, message);
	if (only == NULL) {
		fan_out(store, owner, message, request->now);
		return;
	}
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, 1);
	note->target_count = 0;
	note->message = message_ref(message);
	insert_delivery(store, note, only, message, request->now);
	mail_list_add(store->notes, &note->mail);
}

/* --- record ----------------------------------------------------------------------------------------- */

/* The message, where the record has something to tell of its delivery and somebody listens; else NULL. */
static struct message *
message_to_tell_of(struct sqlite_store *store, const struct store_record *record, struct organisation_id organisation)
{
	static const char *const told[] = {"webhook.delivery.exhausted", "message.attempt.exhausted",
	    "message.attempt.failing", "message.attempt.recovered"};
	bool heard = false;
	for (size_t i = 0; emit_of_delivery(record) && i < COUNT_OF(told) && !heard; i++) {
		struct store_event event = {
		    .to = i == 0 ? EVENT_OWN : EVENT_OPERATIONAL,
		    .type = slice_of(told[i]),
		    .organisation = organisation,
		};
		heard = emit_has_takers(store, organisation, &event);
	}
	if (!heard)
		return NULL;
	sqlite3_stmt *row = sql_bind(store, SQL_MESSAGE_GET, "ii", record->message.value, organisation.value);
	struct message *message = sql_step(store, row) ? message_from_row(row, 0) : NULL;
	sql_end(row);
	return message;
}

/* What became of the endpoint, and what is told of both. */
static void
record_on_endpoint(struct sqlite_store *store, struct store_request *request, bool was_pending)
{
	const struct store_record *record = &request->record;
	struct directory_endpoint *entry = directory_endpoint_by_id(&store->directory, record->endpoint);
	bool changes = record->set_failing || record->suspend || record->warn > 0;
	if (entry == NULL || (!changes && (!was_pending || !emit_of_delivery(record))))
		return;
	struct endpoint before = endpoint_copy(&request->arena, &entry->endpoint);
	struct endpoint after = before;
	struct message *message = was_pending ? message_to_tell_of(store, record, before.organisation) : NULL;
	struct emit_record did = {
	    .of = organisation_of(store, before.organisation),
	    .before = &before,
	    .after = &after,
	    .message = message,
	};
	store_record_on_endpoint(&after, record);
	bool suspends = after.state != before.state;
	if (suspends) {
		did.held = endpoint_held(store, after.id);
		audit_by_server(request, "endpoint.suspend");
		audit_endpoint(request, &before, &after);
	}
	if (did.of != NULL)
		emit_record(request, &did);
	message_unref(message);
	if (changes)
		save_endpoint(store, &after, suspends);
}

/* Whether the organisation has the service of this message, which may have gone since it was accepted. */
static bool
still_entitled(struct sqlite_store *store, struct endpoint_id endpoint, int64_t message)
{
	struct directory_endpoint *entry = directory_endpoint_by_id(&store->directory, endpoint);
	struct directory_organisation *owner =
	    entry == NULL ? NULL : directory_organisation_by_id(&store->directory, entry->endpoint.organisation);
	if (owner == NULL || !owner->organisation.services_limited)
		return true;
	sqlite3_stmt *row = sql_bind(store, SQL_MESSAGE_GET, "ii", message, owner->organisation.id.value);
	bool entitled =
	    !sql_step(store, row) || store_has_service(&store->options, &owner->organisation, sql_slice(row, 2));
	sql_end(row);
	return entitled;
}

void
op_record(struct sqlite_store *store, struct store_request *request)
{
	struct store_record *record = &request->record;
	struct attempt *attempt = &record->attempt;
	struct tail_delivery delivery;
	if (!tail_get(store, record->message.value, record->endpoint.value, &delivery)) {
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE, "there is no such delivery");
		return;
	}
	/* One that is no longer pending (its endpoint was deleted meanwhile) keeps its state. */
	bool was_pending = delivery.state == DELIVERY_PENDING;
	store->pending -= was_pending && record->state != DELIVERY_PENDING;
	record->unwanted = !was_pending;
	delivery.attempts++;
	if (was_pending) {
		delivery.state = record->state;
		delivery.due = record->state == DELIVERY_PENDING ? record->due.us : delivery.due;
	}
	tail_put(store, &delivery);
	attempt->id.value = id_next(&store->ids, request->now);
	attempt->message = record->message;
	attempt->endpoint = record->endpoint;
	tail_attempted(store, attempt);
	if (record->state == DELIVERY_PENDING && !record->unwanted)
		record->unwanted = !still_entitled(store, record->endpoint, record->message.value);
	record_on_endpoint(store, request, was_pending);
}

/* --- refill ----------------------------------------------------------------------------------------- */

/* Where a refill reads: the index of what is pending, and the tail, as one in order of (due, message). */
struct refilling {
	sqlite3_stmt *row;	       /* NULL: it came to its end */
	struct tail_delivery *waiting; /* of the tail, those from `at` on */
	size_t at, count;
	bool from_tail; /* the one that is read is */
};

static bool
is_before(const struct tail_delivery *delivery, int64_t due, int64_t message)
{
	return delivery->due < due || (delivery->due == due && delivery->message < message);
}

/* The next row of the index that the tail has nothing of; false: there is none. */
static bool
step_index(struct sqlite_store *store, sqlite3_stmt *row, int64_t endpoint)
{
	while (sql_step(store, row))
		if (tail_find(&store->tail, sqlite3_column_int64(row, 1), endpoint) == NULL)
			return true;
	return false;
}

/* `in_index`: the statement stands at a row that was not taken yet. Fills `next`; false: there is none. */
static bool
refill_peek(struct refilling *reading, bool in_index, struct store_due *next)
{
	const struct tail_delivery *waiting = reading->at < reading->count ? &reading->waiting[reading->at] : NULL;
	if (!in_index && waiting == NULL)
		return false;
	reading->from_tail = waiting != NULL && (!in_index || is_before(waiting, sqlite3_column_int64(reading->row, 0),
								  sqlite3_column_int64(reading->row, 1)));
	if (reading->from_tail)
		*next = (struct store_due){{waiting->due}, waiting->message};
	else
		*next =
		    (struct store_due){{sqlite3_column_int64(reading->row, 0)}, sqlite3_column_int64(reading->row, 1)};
	return true;
}

/* The one that was peeked at. */
static struct store_delivery
refill_take(struct sqlite_store *store, struct refilling *reading)
{
	struct store_delivery taken = {.state = DELIVERY_PENDING};
	if (!reading->from_tail) {
		taken.message = message_from_row(reading->row, 5);
		taken.due.us = sqlite3_column_int64(reading->row, 0);
		taken.attempts = sqlite3_column_int(reading->row, 2);
		taken.sequence = sqlite3_column_int64(reading->row, 3);
		taken.trigger = (enum attempt_trigger)sqlite3_column_int(reading->row, 4);
		return taken;
	}
	const struct tail_delivery *waiting = &reading->waiting[reading->at];
	sqlite3_stmt *row = sql_bind(store, SQL_MESSAGE_ANY, "i", waiting->message);
	taken.message = sql_step(store, row) ? message_from_row(row, 0) : NULL;
	sql_end(row);
	taken.due.us = waiting->due;
	taken.attempts = waiting->attempts;
	taken.sequence = waiting->sequence;
	taken.trigger = waiting->trigger;
	return taken;
}

static void
find_next(struct sqlite_store *store, struct store_refill *refill, struct refilling *reading, struct store_due last)
{
	refill->next = (struct store_due){WALL_NEVER, 0};
	sqlite3_stmt *row = sql_bind(store, SQL_REFILL_NEXT, "iii", refill->endpoint.value, last.due.us, last.message);
	reading->row = row;
	bool in_index = step_index(store, row, refill->endpoint.value);
	(void)refill_peek(reading, in_index, &refill->next);
	sql_end(row);
}

void
op_refill(struct sqlite_store *store, struct store_request *request)
{
	struct store_refill *refill = &request->refill;
	int64_t endpoint = refill->endpoint.value;
	refill->rows = arena_alloc(&request->arena, refill->limit * sizeof refill->rows[0]);
	struct directory_endpoint *entry = directory_endpoint_by_id(&store->directory, refill->endpoint);
	struct directory_organisation *owner =
	    entry == NULL ? NULL : directory_organisation_by_id(&store->directory, entry->endpoint.organisation);
	struct refilling reading = {.row = NULL};
	reading.waiting = tail_of(store, &request->arena, DELIVERY_PENDING, endpoint, &reading.count);
	while (reading.at < reading.count &&
	       is_before(&reading.waiting[reading.at], refill->from.due.us, refill->from.message))
		reading.at++;
	struct store_due last = {refill->from.due, refill->from.message - 1}, next;
	reading.row =
	    sql_bind(store, SQL_REFILL, "iiii", endpoint, refill->from.due.us, refill->from.message, refill->until.us);
	bool in_index = step_index(store, reading.row, endpoint);
	size_t bytes = 0;
	for (size_t looked = 0; looked < refill->limit && (refill->count == 0 || bytes < refill->bytes_limit);
	     looked++) {
		if (!refill_peek(&reading, in_index, &next) || next.due.us > refill->until.us)
			break;
		last = next;
		struct store_delivery taken = refill_take(store, &reading);
		if (reading.from_tail)
			reading.at++;
		else
			in_index = step_index(store, reading.row, endpoint);
		/* Held, until the organisation has the service again. */
		bool held = taken.message == NULL ||
			    (owner != NULL && taken.message->organisation.value == owner->organisation.id.value &&
				!store_has_service(&store->options, &owner->organisation, taken.message->event_type));
		if (held) {
			message_unref(taken.message);
			continue;
		}
		refill->rows[refill->count++] = taken;
		bytes += versions_bytes(taken.message);
	}
	sql_end(reading.row);
	find_next(store, refill, &reading, last);
}

/* --- resend ----------------------------------------------------------------------------------------- */

void
send_again(struct sqlite_store *store, const struct tail_delivery *delivery, const struct store_note_target *target)
{
	struct tail_delivery again = *delivery;
	again.state = DELIVERY_PENDING;
	again.due = target->due.us;
	again.trigger = target->trigger;
	store->pending += delivery->state != DELIVERY_PENDING;
	tail_put(store, &again);
}

void
op_resend(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	struct directory_endpoint *entry = need_endpoint(store, owner, request);
	if (entry == NULL)
		return;
	int64_t id = message_resolve(store, owner->organisation.id, request->message_ref);
	struct tail_delivery delivery;
	if (id == 0 || !tail_get(store, id, entry->endpoint.id.value, &delivery)) {
		request_fail(
		    request, ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE, "the endpoint has no delivery of such a message");
		return;
	}
	struct store_note_target target = {
	    .endpoint = entry->endpoint.id,
	    .attempts = delivery.attempts,
	    .due = delivery_due(&entry->endpoint, request->now),
	    .sequence = delivery.sequence,
	    .trigger = delivery.state == DELIVERY_PENDING ? delivery.trigger : TRIGGER_MANUAL,
	};
	sqlite3_stmt *row = sql_bind(store, SQL_MESSAGE_GET, "ii", id, owner->organisation.id.value);
	struct message *message = sql_step(store, row) ? message_from_row(row, 0) : NULL;
	sql_end(row);
	if (message == NULL || !slice_present(message->payload)) {
		message_unref(message);
		request_fail(request, ERR_INVALID, STORE_DETAIL_EXPUNGED,
		    "the payload of this message is no longer kept, so it cannot be sent again");
		return;
	}
	if (!store_entitled(&store->options, &owner->organisation, message->event_type, request)) {
		message_unref(message);
		return;
	}
	audit_resend(request, owner->organisation.id, message->id, entry->endpoint.id);
	send_again(store, &delivery, &target);
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, 1);
	note->message = message;
	note->targets[0] = target;
	mail_list_add(store->notes, &note->mail);
}
