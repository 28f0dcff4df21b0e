/* The reference model: how an endpoint's deliveries stand, and those that were given up. */
#include "store/memory/private.h"

static void
copy_attempt(struct memory *memory, const struct attempt *from, struct arena *arena, struct attempt *out)
{
	const struct message *message = memory_find_message_by_id(memory, from->message);
	*out = *from;
	out->response = arena_copy(arena, from->response);
	out->url = arena_copy(arena, memory_endpoint_by_id(memory, from->endpoint)->endpoint.url);
	out->event_type = message == NULL ? SLICE_NONE : arena_copy(arena, message->event_type);
}

enum error_code
memory_endpoint_totals(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(memory, request);
	if (endpoint == NULL)
		return request->status;
	request->admin->endpoint = endpoint_copy(&request->arena, &endpoint->endpoint);
	request->admin->totals.accepted = endpoint->sequence;
	for (size_t i = 0; i < memory->deliveries.count; i++) {
		const struct memory_delivery *row = &memory->deliveries.rows[i];
		if (row->endpoint.value != endpoint->endpoint.id.value)
			continue;
		struct wall_time at = id_time(row->message->id.value);
		request->admin->totals.exhausted += row->state == DELIVERY_EXHAUSTED;
		if (row->state != DELIVERY_PENDING)
			continue;
		request->admin->totals.pending++;
		if (request->admin->totals.oldest.us == 0 || at.us < request->admin->totals.oldest.us)
			request->admin->totals.oldest = at;
	}
	size_t looked = 0;
	for (size_t i = memory->attempts.count; i-- > 0 && looked < STORE_RECENT_ATTEMPTS;) {
		const struct attempt *attempt = &memory->attempts.rows[i].attempt;
		if (attempt->endpoint.value != endpoint->endpoint.id.value)
			continue;
		looked++;
		if (attempt->succeeded)
			continue;
		copy_attempt(memory, attempt, &request->arena, &request->admin->attempt);
		return OK;
	}
	return OK;
}

enum error_code
memory_dead_letters(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(memory, request);
	if (endpoint == NULL)
		return request->status;
	struct store_page page = request->page;
	page.descending = false;
	request->deliveries = arena_alloc(&request->arena, page.limit * sizeof request->deliveries[0]);
	request->attempts = arena_alloc(&request->arena, page.limit * sizeof request->attempts[0]);
	for (size_t i = 0; i < memory->messages.count; i++) {
		struct message *message = memory->messages.rows[i];
		const struct memory_delivery *row = memory_find_delivery(memory, message->id, endpoint->endpoint.id);
		if (row == NULL || row->state != DELIVERY_EXHAUSTED || !memory_in_page(&page, message->id.value))
			continue;
		request->more = request->count == page.limit;
		if (request->more)
			break;
		request->deliveries[request->count] = memory_show_delivery(row);
		request->deliveries[request->count].message = message_ref(message);
		struct attempt *last = &request->attempts[request->count++];
		*last = (struct attempt){0};
		for (size_t j = 0; j < memory->attempts.count; j++)
			if (memory->attempts.rows[j].attempt.message.value == message->id.value &&
			    memory->attempts.rows[j].attempt.endpoint.value == row->endpoint.value)
				copy_attempt(memory, &memory->attempts.rows[j].attempt, &request->arena, last);
	}
	return OK;
}
