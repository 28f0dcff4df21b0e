/* What must be true, computed beside the store from the requests alone. */
#include "sim.h"

int
model_event_of(const struct world *world, struct message_id id)
{
	for (int i = 0; i < world->event_count; i++)
		if (world->events[i].id.value == id.value)
			return i;
	return -1;
}

int
model_endpoint_of(const struct world *world, struct endpoint_id id)
{
	for (int i = 0; i < world->endpoint_count; i++)
		if (world->receivers[i].id.value == id.value)
			return i;
	return -1;
}

/* --- playing ----------------------------------------------------------------------------------------- */

static void
play_post(struct world *world, struct model *model, int number)
{
	if (model->in_store[number])
		return;
	const struct world_event *event = &world->events[number];
	model->in_store[number] = true;
	model->targets[number] = 0;
	for (int i = 0; i < ENDPOINTS_MAX; i++) {
		const struct model_endpoint *endpoint = &model->endpoints[i];
		bool takes = endpoint->state == ENDPOINT_ACTIVE || endpoint->state == ENDPOINT_SUSPENDED;
		if (endpoint->exists && takes && i % ORGANISATIONS == event->organisation &&
		    (!endpoint->only_type || !event->other_type) && (!endpoint->only_channel || event->west))
			model->targets[number] |= 1u << i;
		if ((model->targets[number] & 1u << i) != 0 && endpoint->state == ENDPOINT_SUSPENDED)
			mark(world, MARK_ACCEPTED_WHILE_HELD);
	}
}

static void
play_errand(struct world *world, struct model *model, const struct errand *errand)
{
	struct model_endpoint *endpoint = &model->endpoints[errand->endpoint];
	bool there = endpoint->exists && endpoint->state != ENDPOINT_DELETED;
	switch (errand->kind) {
	case ERRAND_POST: play_post(world, model, errand->event); break;
	case ERRAND_STATE:
		if (there && endpoint_may_move(endpoint->state, errand->state))
			endpoint->state = errand->state;
		break;
	case ERRAND_FILTER:
		if (there) {
			endpoint->only_type = errand->only_type;
			endpoint->only_channel = errand->only_channel;
		}
		break;
	case ERRAND_CREATE:
		if (!endpoint->exists)
			*endpoint = (struct model_endpoint){.exists = true, .state = ENDPOINT_ACTIVE};
		break;
	case ERRAND_DELETE:
		for (size_t i = 0; there && i < world->flight_count; i++)
			if (world->flights[i].endpoint == errand->endpoint)
				mark(world, MARK_DELETED_IN_FLIGHT);
		if (there)
			endpoint->state = ENDPOINT_DELETED;
		break;
	case ERRAND_RESEND: break;
	}
}

void
model_play(struct world *world, struct model *model, const struct store_request *request)
{
	if (request->reply_kind == MAIL_CLIENT) {
		play_errand(world, model, request->owner);
		return;
	}
	if (request->kind != STORE_RECORD)
		return;
	const struct store_record *record = &request->record;
	int event = model_event_of(world, record->message), which = model_endpoint_of(world, record->endpoint);
	if (event < 0 || which < 0)
		return;
	model->attempts++;
	if (record->state == DELIVERY_DELIVERED)
		model->successes[event][which]++;
	if (record->state == DELIVERY_EXHAUSTED) {
		model->exhausted[event][which] = true;
		mark(world, MARK_EXHAUSTED);
	}
	struct model_endpoint *endpoint = &model->endpoints[which];
	if (record->suspend)
		mark(world, record->attempt.status_code == 410 ? MARK_GONE : MARK_SUSPENDED);
	if (record->suspend && endpoint->state == ENDPOINT_ACTIVE)
		endpoint->state = ENDPOINT_SUSPENDED;
}

/* --- settling after a crash -------------------------------------------------------------------------- */

struct reading {
	struct model_endpoint endpoints[ENDPOINTS_MAX]; /* as in the model, where they are not deleted */
	bool in_store[EVENTS_MAX];
	int64_t attempts;
};

static int
number_behind(struct slice text, const char *prefix)
{
	int64_t number = 0;
	struct slice rest = slice_skip(text, strlen(prefix));
	size_t digits = 0;
	while (digits < rest.len && rest.ptr[digits] >= '0' && rest.ptr[digits] <= '9')
		digits++;
	bool fits = slice_starts(text, slice_of(prefix)) && digits > 0 &&
		    slice_to_int64((struct slice){rest.ptr, digits}, &number);
	return fits ? (int)number : -1;
}

static void
read_endpoints(struct world *world, struct reading *reading)
{
	struct store_request *request = store_request_new(STORE_ENDPOINTS_ALL, world->now);
	machine_read(world, request);
	for (size_t i = 0; i < request->count; i++) {
		int which = number_behind(request->endpoints[i].uid, "endpoint-");
		ENSURE(which >= 0 && which < ENDPOINTS_MAX);
		reading->endpoints[which] = (struct model_endpoint){
		    .exists = true,
		    .state = request->endpoints[i].state,
		    .only_type = request->endpoints[i].event_types.count > 0,
		    .only_channel = request->endpoints[i].channels.count > 0,
		};
		world->receivers[which].id = request->endpoints[i].id;
	}
	store_request_free(request);
}

static void
read_messages(struct world *world, struct reading *reading, int organisation)
{
	struct store_request *request = store_request_new(STORE_MESSAGE_LIST, world->now);
	request->ref = clients_uid(&request->arena, "organisation", organisation);
	request->page.limit = 10 * EVENTS_MAX;
	machine_read(world, request);
	for (size_t i = 0; i < request->count; i++) {
		int number = number_behind(request->messages[i]->payload, "{\"event\":");
		if (number < 0 || number >= world->event_count) {
			world_fail(world, "a message that nobody posted");
			continue;
		}
		if (reading->in_store[number])
			world_fail(world, "event %d is there twice", number);
		reading->in_store[number] = true;
		world->events[number].id = request->messages[i]->id;
	}
	store_request_free(request);
}

static void
say_difference(const struct world *world, const struct reading *reading, const struct model *model, const char *which)
{
	for (int i = 0; i < ENDPOINTS_MAX; i++)
		if (model->endpoints[i].exists)
			world_say(world, "%s: endpoint %d: model state %d, store %d state %d", which, i,
			    (int)model->endpoints[i].state, reading->endpoints[i].exists,
			    (int)reading->endpoints[i].state);
	for (int i = 0; i < EVENTS_MAX; i++)
		if (reading->in_store[i] != model->in_store[i])
			world_say(world, "%s: event %d: model %d, store %d", which, i, model->in_store[i],
			    reading->in_store[i]);
	world_say(world, "%s: attempts: model %lld, store %lld", which, (long long)model->attempts,
	    (long long)reading->attempts);
}

static bool
agrees(const struct reading *reading, const struct model *model)
{
	for (int i = 0; i < ENDPOINTS_MAX; i++) {
		const struct model_endpoint *is = &reading->endpoints[i], *should = &model->endpoints[i];
		bool there = should->exists && should->state != ENDPOINT_DELETED;
		if (there != is->exists)
			return false;
		if (there && (should->state != is->state || should->only_type != is->only_type ||
				 should->only_channel != is->only_channel))
			return false;
	}
	for (int i = 0; i < EVENTS_MAX; i++)
		if (reading->in_store[i] != model->in_store[i])
			return false;
	return reading->attempts == model->attempts;
}

void
model_settle(struct world *world)
{
	if (world->event_count == 0)
		return;
	struct reading reading = {.attempts = 0};
	read_endpoints(world, &reading);
	for (int i = 0; i < ORGANISATIONS && !world->failed; i++)
		read_messages(world, &reading, i);
	struct store_request *counts = store_request_new(STORE_COUNTS, world->now);
	machine_read(world, counts);
	reading.attempts = counts->admin->counts.attempts;
	store_request_free(counts);
	if (world->failed)
		return;
	if (world->in_doubt)
		mark(world, agrees(&reading, &world->doubt) ? MARK_BATCH_KEPT : MARK_BATCH_UNDONE);
	if (world->in_doubt && agrees(&reading, &world->doubt))
		world->model = world->doubt;
	else if (!agrees(&reading, &world->model)) {
		say_difference(world, &reading, &world->model, "before");
		if (world->in_doubt)
			say_difference(world, &reading, &world->doubt, "after");
		world_fail(world, "after a crash the store is neither as before the batch nor as after it");
	}
	world->in_doubt = false;
}
