/* Who uses the API: producers that post until they are answered, and an administrator. */
#include "sim.h"

struct slice
clients_uid(struct arena *arena, const char *prefix, int number)
{
	return arena_printf(arena, "%s-%d", prefix, number);
}

struct slice
clients_payload(const struct world *world, int event, struct arena *arena)
{
	return arena_printf(arena, "{\"event\":%d,\"data\":{\"transaction_id\":\"tx-%d\"},\"filler\":\"%0*d\"}", event,
	    event % TRANSACTIONS, (int)world->events[event].filler, 7);
}

enum delivery_order
clients_order(const struct world *world, int endpoint)
{
	return (enum delivery_order)(((uint64_t)endpoint + world->seed) % ORDER_COUNT);
}

static struct store_request *
ask(struct world *world, enum store_kind kind, const struct errand *errand)
{
	struct store_request *request = store_request_new(kind, world->now);
	struct errand *own = arena_alloc(&request->arena, sizeof *own);
	*own = *errand;
	request->owner = own;
	int organisation = errand->kind == ERRAND_POST || errand->kind == ERRAND_RESEND
			       ? world->events[errand->event].organisation
			       : errand->endpoint % ORGANISATIONS;
	request->ref = clients_uid(&request->arena, "organisation", organisation);
	request->endpoint_ref = clients_uid(&request->arena, "endpoint", errand->endpoint);
	return request;
}

/* --- administering ----------------------------------------------------------------------------------- */

static enum error_code
edit(void *context, struct arena *arena, struct endpoint *endpoint, bool existed UNUSED, struct error *error)
{
	const struct errand *errand = context;
	if (errand->kind == ERRAND_STATE) {
		if (!endpoint_may_move(endpoint->state, errand->state))
			return error_set(error, ERR_INVALID, "no such move");
		endpoint->state = errand->state;
		endpoint->failing_since = WALL_NONE;
		return OK;
	}
	struct slice type = SLICE("a"), channel = SLICE("west");
	endpoint->event_types = arena_list(arena, (struct slice_list){&type, errand->only_type});
	endpoint->channels = arena_list(arena, (struct slice_list){&channel, errand->only_channel});
	return OK;
}

static void
ask_edit(struct world *world, const struct errand *errand)
{
	struct store_request *request = ask(world, STORE_ENDPOINT_EDIT, errand);
	request->admin->edit_endpoint = edit;
	request->admin->edit_context = request->owner;
	machine_submit(world, request, MAIL_CLIENT);
}

static void
ask_create(struct world *world)
{
	struct errand errand = {.kind = ERRAND_CREATE, .endpoint = world->endpoint_count++};
	struct store_request *request = ask(world, STORE_ENDPOINT_CREATE, &errand);
	request->admin->endpoint = (struct endpoint){
	    .url = clients_uid(&request->arena, "https://example.com/endpoint", errand.endpoint),
	    .uid = request->endpoint_ref,
	    .description = SLICE(""),
	    .metadata = SLICE("{}"),
	    .headers = SLICE("{}"),
	    .version = 1,
	    .order = clients_order(world, errand.endpoint),
	    .throttle_rate = errand.endpoint % 4 == 3 ? 15 : 0,
	    .keys = {{.type = KEY_HMAC, .sealed = world->sealed_key}},
	    .key_count = 1,
	};
	machine_submit(world, request, MAIL_CLIENT);
}

void
clients_resend(struct world *world, int event, int endpoint)
{
	struct errand errand = {.kind = ERRAND_RESEND, .event = event, .endpoint = endpoint};
	struct store_request *request = ask(world, STORE_RESEND, &errand);
	char text[ID_TEXT_BYTES];
	request->message_ref =
	    arena_copy(&request->arena, slice_of(id_format(ID_MESSAGE, world->events[event].id.value, text)));
	world->events[event].resends[endpoint]++;
	machine_submit(world, request, MAIL_CLIENT);
}

void
clients_administer(struct world *world)
{
	struct errand errand = {.endpoint = world_below(world, world->endpoint_count)};
	int what = world_below(world, 12);
	if (what == 0 && world->endpoint_count < ENDPOINTS_MAX) {
		ask_create(world);
	} else if (what == 1) {
		errand.kind = ERRAND_DELETE;
		machine_submit(world, ask(world, STORE_ENDPOINT_DELETE, &errand), MAIL_CLIENT);
	} else if (what < 4) {
		errand.kind = ERRAND_FILTER;
		errand.only_type = world_chance(world, 1, 2);
		errand.only_channel = world_chance(world, 1, 3);
		ask_edit(world, &errand);
	} else if (what < 8) {
		errand.kind = ERRAND_STATE;
		errand.state = what < 7 ? ENDPOINT_ACTIVE : ENDPOINT_DISABLED;
		ask_edit(world, &errand);
	} else if (what < 10 && world->flight_count > 0) {
		/* What is under way: its outcome and the wish to send it again meet. */
		const struct network_flight *flight = &world->flights[world_below(world, (int)world->flight_count)];
		mark(world, MARK_RESENT_IN_FLIGHT);
		clients_resend(world, flight->event, flight->endpoint);
	} else {
		int newest = world->event_count - 1;
		while (newest > 0 && world->events[newest].id.value == 0)
			newest--;
		int event = newest - world_below(world, 8);
		if (event >= 0 && world->events[event].id.value != 0)
			clients_resend(world, event, errand.endpoint);
	}
}

void
clients_enable_all(struct world *world)
{
	for (int i = 0; i < world->endpoint_count; i++) {
		struct errand errand = {.kind = ERRAND_STATE, .endpoint = i, .state = ENDPOINT_ACTIVE};
		if (world->model.endpoints[i].exists && world->model.endpoints[i].state != ENDPOINT_DELETED &&
		    world->model.endpoints[i].state != ENDPOINT_ACTIVE)
			ask_edit(world, &errand);
	}
}

/* --- posting ----------------------------------------------------------------------------------------- */

bool
clients_post(struct world *world)
{
	int number = 0;
	while (number < world->event_count &&
	       (world->events[number].posting != POST_LATER || world->events[number].at.us > world->now.us))
		number++;
	if (number == world->event_count)
		return false;
	struct world_event *event = &world->events[number];
	struct errand errand = {.kind = ERRAND_POST, .event = number};
	struct store_request *request = ask(world, STORE_ACCEPT, &errand);
	request->idempotency.present = true;
	memset(request->idempotency.key, number + 1, SHA256_BYTES);
	struct message *message = message_new();
	message->event_type = event->other_type ? SLICE("b") : SLICE("a");
	message->payload = clients_payload(world, number, &message->arena);
	struct slice channel = SLICE("west");
	message->channels = arena_list(&message->arena, (struct slice_list){&channel, event->west});
	if (event->named)
		message->event_id = clients_uid(&message->arena, "event", number);
	message->retention_days = 90;
	request->message = message;
	event->posting = POST_ASKED;
	machine_submit(world, request, MAIL_CLIENT);
	return true;
}

static void
post_again(struct world *world, struct world_event *event)
{
	if (event->posting != POST_ASKED)
		return;
	event->posting = POST_LATER;
	event->at.us = world->now.us + 1000 * (1 + (int64_t)random_below(&world->random, 3000));
}

static void
hear(struct world *world, const struct errand *errand, enum error_code status)
{
	struct world_event *event = &world->events[errand->event];
	bool lost = faults_have(world, FAULT_ANSWERS) && world_chance(world, 1, 15);
	if (status == OK && !lost && event->posting == POST_ASKED)
		event->posting = POST_ACKNOWLEDGED;
	else
		post_again(world, event);
}

void
clients_answer(struct world *world, struct store_request *request)
{
	const struct errand *errand = request->owner;
	if (errand->kind == ERRAND_POST)
		hear(world, errand, request->status);
	/* An endpoint that could not be made is asked for again; other errands are only tried. */
	if (errand->kind == ERRAND_CREATE && request->status != OK && !world->model.endpoints[errand->endpoint].exists)
		world->endpoint_count -= errand->endpoint == world->endpoint_count - 1;
	store_request_free(request);
}

void
clients_lose_connections(struct world *world)
{
	for (int i = 0; i < world->event_count; i++)
		post_again(world, &world->events[i]);
}

/* --- at the beginning -------------------------------------------------------------------------------- */

void
clients_setup(struct world *world)
{
	for (int i = 0; i < ORGANISATIONS; i++) {
		struct store_request *request = store_request_new(STORE_ORGANISATION_CREATE, world->now);
		request->admin->organisation = (struct organisation){
		    .name = SLICE("Bank"),
		    .uid = clients_uid(&request->arena, "organisation", i),
		    .metadata = SLICE("{}"),
		};
		machine_read(world, request);
		store_request_free(request);
	}
	int endpoints = 2 + world_below(world, 4);
	for (int i = 0; i < endpoints; i++)
		ask_create(world);
	machine_batch(world);
	world->event_count = world->plan.scripted ? 12 : 20 + world_below(world, 50);
	for (int i = 0; i < world->event_count; i++) {
		struct world_event *event = &world->events[i];
		event->organisation = world_below(world, ORGANISATIONS);
		event->other_type = world_chance(world, 1, 3);
		event->west = world_chance(world, 1, 2);
		event->named = world_chance(world, 1, 2);
		event->filler = world_chance(world, 1, 10) ? 6000 : 1 + (size_t)world_below(world, 200);
		event->at.us = world->now.us + (int64_t)random_below(&world->random, 1500000);
	}
}
