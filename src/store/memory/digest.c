/* The reference model of digests: all of them made anew for each question. */
#include "store/digest.h"
#include "store/memory/private.h"

#include <stdlib.h>

struct found {
	struct digest_event *events;
	size_t count;
};

static int
compare(const void *left, const void *right)
{
	const struct digest_event *a = left, *b = right;
	return (a->at > b->at) - (a->at < b->at);
}

static void
add(struct found *found, const struct digest_event *event, const struct store_digest *asked)
{
	int64_t second = digest_start(DIGEST_EVENT, event->at);
	if (second >= asked->from && second < asked->to)
		found->events[found->count++] = *event;
}

static struct found
received(struct memory *memory, struct store_request *request)
{
	struct found found = {arena_alloc(&request->arena, (memory->journal.count + 1) * sizeof found.events[0]), 0};
	for (size_t i = 0; i < memory->journal.count; i++) {
		const struct store_journal_row *row = &memory->journal.rows[i].row;
		struct digest_event event = {
		    .id = arena_copy(&request->arena, row->event_id), .type = arena_copy(&request->arena, row->type)};
		if (!slice_equal(row->source, request->admin->digest.source) || !journal_counts(row->verdict) ||
		    !id_parse(ID_MESSAGE, row->event_id, &event.at))
			continue;
		memcpy(event.sha256, row->body_sha256, SHA256_BYTES);
		add(&found, &event, &request->admin->digest);
	}
	return found;
}

static struct found
sent(struct memory *memory, struct store_request *request, const struct memory_endpoint *endpoint)
{
	struct found found = {arena_alloc(&request->arena, (memory->deliveries.count + 1) * sizeof found.events[0]), 0};
	for (size_t i = 0; i < memory->deliveries.count; i++) {
		const struct memory_delivery *row = &memory->deliveries.rows[i];
		if (row->endpoint.value != endpoint->endpoint.id.value)
			continue;
		char id[ID_TEXT_BYTES];
		struct digest_event event = {
		    .at = row->message->id.value, .type = arena_copy(&request->arena, row->message->event_type)};
		event.id = arena_copy(&request->arena, slice_of(id_format(ID_MESSAGE, row->message->id.value, id)));
		if (slice_present(row->message->payload))
			store_body_digest(&memory->options, &endpoint->endpoint, row->message, event.sha256);
		for (size_t p = 0; p < memory->purged.count && !slice_present(row->message->payload); p++)
			if (memory->purged.rows[p].message.value == row->message->id.value)
				memcpy(event.sha256,
				    memory_digest_left(&memory->purged.rows[p], endpoint->endpoint.version).ptr,
				    SHA256_BYTES);
		add(&found, &event, &request->admin->digest);
	}
	return found;
}

static struct digest_node *
next_node(struct store_digest *digest, int64_t start)
{
	if (digest->count == 0 || digest->nodes[digest->count - 1].start != start)
		digest_begin(&digest->nodes[digest->count++], start);
	return &digest->nodes[digest->count - 1];
}

/* Nodes of `level` over the nodes below it. */
static void
join(struct store_request *request, enum digest_level level)
{
	struct store_digest below = request->admin->digest, *digest = &request->admin->digest;
	digest->nodes = arena_alloc(&request->arena, (below.count + 1) * sizeof digest->nodes[0]);
	digest->count = 0;
	for (size_t i = 0; i < below.count; i++) {
		int64_t start = below.nodes[i].start / digest_seconds(level) * digest_seconds(level);
		digest_join(next_node(digest, start), &below.nodes[i]);
	}
}

enum error_code
memory_digest(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct store_digest *digest = &request->admin->digest;
	struct found found;
	digest->through = request->now.us / 60000000 * 60;
	digest->to = digest->to > digest->through ? digest->through : digest->to;
	if (slice_present(digest->source)) {
		found = received(memory, request);
	} else {
		struct memory_endpoint *endpoint = memory_endpoint_of(memory, request);
		if (endpoint == NULL)
			return request->status;
		found = sent(memory, request, endpoint);
	}
	qsort(found.events, found.count, sizeof found.events[0], compare);
	digest->nodes = arena_alloc(&request->arena, (found.count + 1) * sizeof digest->nodes[0]);
	digest->events = found.events;
	digest->count = digest->level == DIGEST_EVENT ? found.count : 0;
	enum digest_level lowest = digest->level < DIGEST_MINUTE ? DIGEST_MINUTE : digest->level;
	for (size_t i = 0; i < found.count && digest->level != DIGEST_EVENT; i++)
		digest_add(next_node(digest, digest_start(lowest, found.events[i].at)), found.events[i].id,
		    found.events[i].sha256);
	if (digest->level <= DIGEST_HOUR)
		join(request, DIGEST_HOUR);
	if (digest->level == DIGEST_DAY)
		join(request, DIGEST_DAY);
	return OK;
}
