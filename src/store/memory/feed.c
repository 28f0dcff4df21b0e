/* The reference model of the feed: what an endpoint gets, by its sequence. */
#include "store/memory/private.h"

static struct slice
left_of(struct memory *memory, struct store_request *request, const struct message *message, int32_t version)
{
	for (size_t i = 0; i < memory->purged.count; i++) {
		struct memory_purged *left = &memory->purged.rows[i];
		if (left->message.value == message->id.value && !slice_present(message->payload))
			return arena_copy(&request->arena, memory_digest_left(left, version));
	}
	return SLICE_NONE;
}

static const struct memory_delivery *
find(const struct memory *memory, struct endpoint_id endpoint, int64_t sequence)
{
	for (size_t i = 0; i < memory->deliveries.count; i++) {
		const struct memory_delivery *row = &memory->deliveries.rows[i];
		if (row->endpoint.value == endpoint.value && row->sequence == sequence)
			return row;
	}
	return NULL;
}

enum error_code
memory_feed(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(memory, request);
	if (endpoint == NULL)
		return request->status;
	const struct store_page *page = &request->page;
	int64_t last = page->after;
	size_t bytes = 0;
	request->newest = endpoint->sequence;
	request->admin->endpoint = endpoint_copy(&request->arena, &endpoint->endpoint);
	memory_tell_redactions(memory, request);
	request->deliveries = arena_alloc(&request->arena, page->limit * sizeof request->deliveries[0]);
	while (request->count < page->limit && bytes < LIMIT_REFILL_BYTES && last < endpoint->sequence) {
		last = last < 0 ? 1 : last + 1;
		const struct memory_delivery *row = find(memory, endpoint->endpoint.id, last);
		if (row == NULL)
			continue;
		request->deliveries[request->count++] = (struct store_delivery){
		    .message = message_ref(row->message),
		    .sequence = last,
		    .payload_sha256 = left_of(memory, request, row->message, endpoint->endpoint.version),
		};
		bytes += versions_bytes(row->message);
	}
	request->more = last < endpoint->sequence;
	return OK;
}
