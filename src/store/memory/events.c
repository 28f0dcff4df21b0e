/* The reference model of events: accepting, recording, refilling, resending. */
#include "store/audit.h"
#include "store/emit.h"
#include "store/memory/private.h"

#include <stdlib.h>

void
memory_keep_message(struct memory *memory, struct message *message, struct wall_time now)
{
	message->id.value = id_next(&memory->ids, now);
	message->created = id_time(message->id.value);
	struct message **row = MEMORY_ADD(&memory->messages);
	*row = message_ref(message);
}

/* --- accepting --------------------------------------------------------------------------------------- */

static void
fan_out(struct memory *memory, struct message *message, struct wall_time now, struct mail_list *notes)
{
	size_t targets = 0;
	for (size_t i = 0; i < memory->endpoints.count; i++) {
		const struct endpoint *endpoint = &memory->endpoints.rows[i].endpoint;
		targets += endpoint->organisation.value == message->organisation.value &&
			   endpoint_wants(endpoint, message->event_type, message->channels);
	}
	if (targets == 0)
		return;
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, targets);
	note->message = message_ref(message);
	size_t made = 0;
	for (size_t i = 0; i < memory->endpoints.count; i++) {
		struct memory_endpoint *row = &memory->endpoints.rows[i];
		if (row->endpoint.organisation.value == message->organisation.value &&
		    endpoint_wants(&row->endpoint, message->event_type, message->channels))
			memory_new_delivery(memory, message, row, now, &note->targets[made++]);
	}
	mail_list_add(notes, &note->mail);
}

enum error_code
memory_accept(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_organisation *organisation = memory_find_organisation(memory, request->ref);
	if (organisation == NULL && request->new_organisation == NULL)
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
	struct message *message = request->message;
	const struct organisation *of = organisation != NULL ? &organisation->organisation : request->new_organisation;
	if (!store_entitled(&memory->options, of, message->event_type, request))
		return request->status;
	if (organisation != NULL && slice_present(message->event_id) &&
	    memory_find_message(memory, organisation->organisation.id, message->event_id) != NULL)
		return memory_fail(request, ERR_CONFLICT, STORE_DETAIL_EVENT_ID_TAKEN);
	struct memory_endpoint *only = NULL;
	if (request->only_endpoint) {
		only = memory_endpoint_of(memory, request);
		if (only == NULL)
			return request->status;
	}
	if (request->sandbox && of->environment != ENVIRONMENT_SANDBOX)
		return error_set(&request->error, ERR_FORBIDDEN, STORE_ONLY_IN_A_SANDBOX);
	if (organisation == NULL)
		organisation = memory_new_organisation(memory, request, request->new_organisation);
	message->organisation = organisation->organisation.id;
	message->retention_days = store_retention(message, &organisation->organisation);
	memory_keep_message(memory, message, request->now);
	if (only == NULL) {
		fan_out(memory, message, request->now, notes);
		return OK;
	}
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, 1);
	note->message = message_ref(message);
	memory_new_delivery(memory, message, only, request->now, &note->targets[0]);
	mail_list_add(notes, &note->mail);
	return OK;
}

/* --- recording --------------------------------------------------------------------------------------- */

/* What became of the endpoint, and what is told of both. */
static void
record_on_endpoint(struct memory *memory, struct memory_endpoint *endpoint, struct store_request *request,
    const struct message *message, struct mail_list *notes)
{
	const struct store_record *record = &request->record;
	struct emit_record did = {
	    .of = memory_owner_by_id(memory, endpoint->endpoint.organisation),
	    .message = message,
	};
	struct endpoint before = endpoint->endpoint;
	store_record_on_endpoint(&endpoint->endpoint, record);
	if (endpoint->endpoint.state != before.state) {
		did.held = memory_held(memory, before.id);
		audit_by_server(request, "endpoint.suspend");
		audit_endpoint(request, &before, &endpoint->endpoint);
		memory_note_endpoint(endpoint, notes);
	}
	did.before = &before;
	did.after = &endpoint->endpoint;
	if (did.of != NULL)
		emit_record(request, &did);
}

enum error_code
memory_record(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	const struct store_record *record = &request->record;
	struct memory_delivery *delivery = memory_find_delivery(memory, record->message, record->endpoint);
	struct memory_endpoint *endpoint = memory_endpoint_by_id(memory, record->endpoint);
	if (delivery == NULL || endpoint == NULL)
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE);
	struct memory_attempt *row = MEMORY_ADD(&memory->attempts);
	row->attempt = record->attempt;
	row->attempt.id.value = id_next(&memory->ids, request->now);
	row->attempt.message = record->message;
	row->attempt.endpoint = record->endpoint;
	row->attempt.response = arena_copy(&row->arena, record->attempt.response);
	row->attempt.url = SLICE_NONE;
	row->organisation = delivery->message->organisation;
	request->record.attempt.id = row->attempt.id;
	delivery->attempts++;
	bool was_pending = delivery->state == DELIVERY_PENDING;
	request->record.unwanted =
	    !was_pending || (record->state == DELIVERY_PENDING && !memory_entitled(memory, delivery->message));
	if (was_pending) {
		delivery->state = record->state;
		if (record->state == DELIVERY_PENDING)
			delivery->due = record->due;
	}
	/* What the receiver forwards is a message of no organisation, and nobody is told of it. */
	bool own = delivery->message->organisation.value == endpoint->endpoint.organisation.value;
	record_on_endpoint(memory, endpoint, request, was_pending && own ? delivery->message : NULL, notes);
	return OK;
}

/* --- refilling --------------------------------------------------------------------------------------- */

static int
compare_due(struct store_due a, struct store_due b)
{
	if (a.due.us != b.due.us)
		return a.due.us < b.due.us ? -1 : 1;
	return a.message < b.message ? -1 : a.message > b.message;
}

/* The first pending delivery of the endpoint at or behind `from`; NULL: there is none. */
static struct memory_delivery *
first_due(struct memory *memory, struct endpoint_id endpoint, struct store_due from, struct store_due *at)
{
	struct memory_delivery *first = NULL;
	for (size_t i = 0; i < memory->deliveries.count; i++) {
		struct memory_delivery *row = &memory->deliveries.rows[i];
		struct store_due due = {row->due, row->message->id.value};
		if (row->endpoint.value != endpoint.value || row->state != DELIVERY_PENDING ||
		    compare_due(due, from) < 0)
			continue;
		if (first == NULL || compare_due(due, *at) < 0) {
			first = row;
			*at = due;
		}
	}
	return first;
}

enum error_code
memory_refill(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct store_refill *refill = &request->refill;
	refill->rows = arena_alloc(&request->arena, (refill->limit + 1) * sizeof refill->rows[0]);
	refill->next = (struct store_due){WALL_NEVER, 0};
	struct store_due from = refill->from;
	size_t bytes = 0, looked = 0;
	for (;;) {
		struct store_due at = {WALL_NONE, 0};
		const struct memory_delivery *row = first_due(memory, refill->endpoint, from, &at);
		if (row == NULL)
			return OK;
		bool full = looked >= refill->limit || (refill->count > 0 && bytes >= refill->bytes_limit);
		if (full || at.due.us > refill->until.us) {
			refill->next = at;
			return OK;
		}
		looked++;
		from = (struct store_due){at.due, at.message + 1};
		/* Held, until the organisation has the service again. */
		if (!memory_entitled(memory, row->message))
			continue;
		bytes += versions_bytes(row->message);
		refill->rows[refill->count] = memory_show_delivery(row);
		refill->rows[refill->count++].message = message_ref(row->message);
	}
}

/* --- resending --------------------------------------------------------------------------------------- */

enum error_code
memory_resend(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(memory, request);
	if (endpoint == NULL)
		return request->status;
	struct message *message = memory_message_of(memory, request);
	if (message == NULL)
		return request->status;
	struct memory_delivery *row = memory_find_delivery(memory, message->id, endpoint->endpoint.id);
	if (row == NULL)
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE);
	if (!slice_present(message->payload))
		return memory_fail(request, ERR_INVALID, STORE_DETAIL_EXPUNGED);
	const struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (!store_entitled(&memory->options, &organisation->organisation, message->event_type, request))
		return request->status;
	audit_resend(request, message->organisation, message->id, endpoint->endpoint.id);
	if (row->state != DELIVERY_PENDING)
		row->trigger = TRIGGER_MANUAL;
	row->state = DELIVERY_PENDING;
	row->due = delivery_due(&endpoint->endpoint, request->now);
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, 1);
	note->message = message_ref(message);
	note->targets[0] = (struct store_note_target){
	    .endpoint = row->endpoint,
	    .sequence = row->sequence,
	    .due = row->due,
	    .attempts = row->attempts,
	    .trigger = row->trigger,
	};
	mail_list_add(notes, &note->mail);
	return OK;
}
