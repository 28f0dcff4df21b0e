/* The reference model of reading: messages, attempts, deliveries, the journal. */
#include "store/memory/private.h"

#include <stdlib.h>

/* --- filters ----------------------------------------------------------------------------------------- */

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

static bool
message_fits(const struct store_filter *filter, const struct message *message)
{
	if (filter->event_types.count > 0 && !slice_list_has(filter->event_types, message->event_type))
		return false;
	return !slice_present(filter->channel) || slice_list_has(message->channels, filter->channel);
}

static bool
attempt_fits(const struct store_filter *filter, const struct attempt *attempt)
{
	if (filter->status == 0 && !attempt->succeeded)
		return false;
	if (filter->status == 2 && attempt->succeeded)
		return false;
	if (filter->status == 3)
		return false;
	return filter->status_code_class < 0 || attempt->status_code / 100 * 100 == filter->status_code_class;
}

static bool
delivery_fits(const struct store_filter *filter, enum delivery_state state)
{
	switch (state) {
	case DELIVERY_PENDING: return filter->status < 0 || filter->status == 3;
	case DELIVERY_DELIVERED: return filter->status < 0 || filter->status == 0;
	case DELIVERY_EXHAUSTED:
	case DELIVERY_CANCELLED: return filter->status < 0 || filter->status == 2;
	case DELIVERY_STATE_COUNT: break;
	}
	UNREACHABLE();
}

static struct message *
message_by_id(struct memory *memory, struct message_id id)
{
	for (size_t i = 0; i < memory->messages.count; i++)
		if (memory->messages.rows[i]->id.value == id.value)
			return memory->messages.rows[i];
	UNREACHABLE();
}

static bool
filter_fits(struct memory *memory, const struct store_filter *filter, const struct attempt *attempt)
{
	if (filter->event_types.count == 0 && !slice_present(filter->channel))
		return true;
	const struct message *message = message_by_id(memory, attempt->message);
	const struct endpoint *endpoint = &memory_endpoint_by_id(memory, attempt->endpoint)->endpoint;
	return message->organisation.value == endpoint->organisation.value && message_fits(filter, message);
}

void
memory_tell_redactions(struct memory *memory, struct store_request *request)
{
	const struct memory_organisation *owner = memory_find_organisation(memory, request->ref);
	if (owner != NULL)
		request->redactions = arena_copy(&request->arena, owner->organisation.redactions);
}

/* --- messages ---------------------------------------------------------------------------------------- */

enum error_code
memory_message_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	memory_tell_redactions(memory, request);
	struct message *message = memory_message_of(memory, request);
	if (message == NULL)
		return request->status;
	message_unref(request->message);
	request->message = message_ref(message);
	return OK;
}

enum error_code
memory_message_evidence(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	enum error_code code = memory_message_get(memory, request, notes);
	if (code != OK)
		return code;
	struct store_evidence *evidence = &request->admin->evidence;
	evidence->known = evidence->kept = slice_present(request->message->payload);
	if (evidence->kept)
		sha256(request->message->payload, evidence->sha256);
	for (size_t i = 0; i < memory->purged.count && !evidence->kept; i++) {
		const struct memory_purged *row = &memory->purged.rows[i];
		if (row->message.value != request->message->id.value)
			continue;
		evidence->known = true;
		evidence->purged = row->at;
		memcpy(evidence->sha256, row->digests, SHA256_BYTES);
	}
	return OK;
}

enum error_code
memory_message_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	memory_tell_redactions(memory, request);
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return request->status;
	size_t count = memory->messages.count;
	size_t looked = 0;
	int64_t last = 0;
	request->messages = arena_alloc(&request->arena, (count + 1) * sizeof(struct message *));
	for (size_t i = 0; i < count; i++) {
		struct message *message = memory->messages.rows[memory_at(&request->page, i, count)];
		if (message->organisation.value != organisation->organisation.id.value ||
		    !memory_in_page(&request->page, message->id.value))
			continue;
		if (!look(request, &looked, &last, message->id.value))
			break;
		if (!message_fits(&request->filter, message))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->messages[request->count++] = message_ref(message);
	}
	return OK;
}

/* --- attempts ---------------------------------------------------------------------------------------- */

static struct attempt
show_attempt(struct memory *memory, struct store_request *request, const struct memory_attempt *row)
{
	struct attempt attempt = row->attempt;
	attempt.response = arena_copy(&request->arena, attempt.response);
	const struct message *message = memory_find_message_by_id(memory, attempt.message);
	attempt.event_type = message == NULL ? SLICE_NONE : arena_copy(&request->arena, message->event_type);
	attempt.url = arena_copy(&request->arena, memory_endpoint_by_id(memory, attempt.endpoint)->endpoint.url);
	return attempt;
}

enum error_code
memory_attempt_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	memory_tell_redactions(memory, request);
	struct message *message = memory_message_of(memory, request);
	if (message == NULL)
		return request->status;
	for (size_t i = 0; i < memory->attempts.count; i++) {
		const struct memory_attempt *row = &memory->attempts.rows[i];
		if (row->attempt.id.value != request->attempt_id || row->attempt.message.value != message->id.value)
			continue;
		request->admin->attempt = show_attempt(memory, request, row);
		return OK;
	}
	return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
}

enum error_code
memory_attempt_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	memory_tell_redactions(memory, request);
	bool of_message = slice_present(request->message_ref);
	struct message *message = of_message ? memory_message_of(memory, request) : NULL;
	struct memory_endpoint *endpoint = of_message ? NULL : memory_endpoint_of(memory, request);
	if (message == NULL && endpoint == NULL)
		return request->status;
	if (of_message && slice_present(request->filter.endpoint_ref)) {
		endpoint = memory_find_endpoint(memory, message->organisation, request->filter.endpoint_ref);
		if (endpoint == NULL)
			return OK;
	}
	size_t count = memory->attempts.count;
	size_t looked = 0;
	int64_t last = 0;
	request->attempts = arena_alloc(&request->arena, (count + 1) * sizeof request->attempts[0]);
	for (size_t i = 0; i < count; i++) {
		const struct memory_attempt *row = &memory->attempts.rows[memory_at(&request->page, i, count)];
		const struct attempt *attempt = &row->attempt;
		bool elsewhere = endpoint != NULL && attempt->endpoint.value != endpoint->endpoint.id.value;
		if ((message != NULL && attempt->message.value != message->id.value) || (elsewhere && !of_message) ||
		    !memory_in_page(&request->page, attempt->id.value))
			continue;
		if (!look(request, &looked, &last, attempt->id.value))
			break;
		if (elsewhere || !attempt_fits(&request->filter, attempt) ||
		    !filter_fits(memory, &request->filter, attempt))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->attempts[request->count++] = show_attempt(memory, request, row);
	}
	return OK;
}

/* --- deliveries -------------------------------------------------------------------------------------- */

enum error_code
memory_message_endpoints(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct message *message = memory_message_of(memory, request);
	if (message == NULL)
		return request->status;
	size_t count = memory->endpoints.count;
	request->deliveries = arena_alloc(&request->arena, (count + 1) * sizeof request->deliveries[0]);
	for (size_t i = 0; i < count; i++) {
		const struct endpoint *endpoint = &memory->endpoints.rows[memory_at(&request->page, i, count)].endpoint;
		const struct memory_delivery *row = memory_find_delivery(memory, message->id, endpoint->id);
		if (row == NULL || !memory_in_page(&request->page, endpoint->id.value))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		struct store_delivery *shown = &request->deliveries[request->count++];
		*shown = memory_show_delivery(row);
		shown->endpoint = arena_alloc(&request->arena, sizeof *shown->endpoint);
		*shown->endpoint = endpoint_copy(&request->arena, endpoint);
	}
	return OK;
}

enum error_code
memory_endpoint_messages(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	memory_tell_redactions(memory, request);
	struct memory_endpoint *endpoint = memory_endpoint_of(memory, request);
	if (endpoint == NULL)
		return request->status;
	size_t count = memory->messages.count;
	size_t looked = 0;
	int64_t last = 0;
	request->deliveries = arena_alloc(&request->arena, (count + 1) * sizeof request->deliveries[0]);
	for (size_t i = 0; i < count; i++) {
		struct message *message = memory->messages.rows[memory_at(&request->page, i, count)];
		const struct memory_delivery *row = memory_find_delivery(memory, message->id, endpoint->endpoint.id);
		/* A journalled body is forwarded by an endpoint without being one of its organisation's messages. */
		if (message->organisation.value != endpoint->endpoint.organisation.value ||
		    !memory_in_page(&request->page, message->id.value))
			continue;
		if (!look(request, &looked, &last, message->id.value))
			break;
		if (row == NULL || !message_fits(&request->filter, message) ||
		    !delivery_fits(&request->filter, row->state))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		struct store_delivery *shown = &request->deliveries[request->count++];
		*shown = memory_show_delivery(row);
		shown->message = message_ref(message);
	}
	return OK;
}

/* --- counts ------------------------------------------------------------------------------------------ */

enum error_code
memory_counts(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct store_counts *counts = &request->admin->counts;
	*counts = (struct store_counts){
	    .messages = (int64_t)memory->messages.count,
	    .attempts = (int64_t)memory->attempts.count,
	    .journal = (int64_t)memory->journal.count,
	};
	for (size_t i = 0; i < memory->deliveries.count; i++) {
		enum delivery_state state = memory->deliveries.rows[i].state;
		counts->deliveries_pending += state == DELIVERY_PENDING;
		counts->deliveries_delivered += state == DELIVERY_DELIVERED;
		counts->deliveries_exhausted += state == DELIVERY_EXHAUSTED;
	}
	return OK;
}
