#include "deliver/sender.h"

#include "base/map.h"
#include "deliver/challenge.h"
#include "deliver/compose.h"
#include "deliver/echo.h"
#include "deliver/heartbeat.h"
#include "deliver/target.h"
#include "model/versions.h"

#include <stdio.h>
#include <stdlib.h>

enum { REPEAT_RECORD_AFTER_US = 1000000, IDLE_FLIGHTS_MAX = 512 };

/* How often certificates are looked at; also whenever one is seen that was not known. */
#define WARN_EVERY_US (INT64_C(3600) * 1000000)

/* One attempt on its way. */
struct flight {
	struct transmission transmission;
	struct endpoint_id endpoint;
	struct message_id message;
	int32_t number;
	enum attempt_trigger trigger;
	struct flight *next, *previous; /* in sender->flights */
	struct flight *refused_next;
	bool heartbeat;	      /* it is no delivery, and nothing follows from its outcome */
	bool outcome_ignored; /* the planted bug has recorded it already */
	/* Of endpoints whose requests carry an access token. */
	struct message *payload; /* to compose it again; one reference */
	int64_t sequence;
	struct flight *waiting_next;   /* in the credentials' list of those that wait for a token */
	uint64_t token;		       /* the generation that it went out with; 0: none */
	bool refreshed;		       /* it went out once more, because the first token was refused */
	int64_t earlier_us;	       /* what it took until then */
	struct credentials *fetching;  /* it is no attempt but asks for a token for these; one reference */
	struct tls_identity *identity; /* that it goes out under; one reference */
};

struct sender {
	struct sender_options options;
	struct sender_ports ports;
	struct engine *engine;
	struct challenger *challenger;
	struct engine_actions actions;
	struct target **targets;
	uint32_t target_count;
	struct map by_endpoint; /* (endpoint id, 0) → index in targets */
	struct flight *flights; /* all on their way: freed with the sender */
	struct flight *idle;	/* landed ones, kept for the next: linked by next */
	uint32_t idle_count;
	struct flight *refused;	       /* could not even be composed: to be reported at the end of the step */
	struct flight *landed;	       /* whose outcome the engine judges in this step */
	struct store_request *repeats; /* records that the store did not take; linked by owner */
	struct wall_time repeat_at;
	struct wall_time heartbeat_at; /* the first of all targets' */
	bool paused;
	struct wall_time warn_at; /* when certificates are looked at again */
	struct sender_counts counts;
};

static void perform_actions(struct sender *sender, struct wall_time now);
static void perform(struct sender *sender, struct wall_time now);
static void start(struct sender *sender, struct flight *flight, struct wall_time now, bool fresh);
static void start_all(struct sender *sender, struct flight *waiting, struct wall_time now);

static void
step(struct sender *sender, struct wall_time now, const struct engine_event *event)
{
	engine_step(sender->engine, now, event, &sender->actions);
}

/* --- life ------------------------------------------------------------------------------------------- */

struct sender *
sender_new(const struct sender_options *options, const struct sender_ports *ports)
{
	struct sender *sender = mem_zero(1, sizeof *sender);
	sender->options = *options;
	sender->ports = *ports;
	sender->engine = engine_new(&options->engine);
	sender->repeat_at = sender->heartbeat_at = WALL_NEVER;
	sender->challenger = challenger_new(&sender->options, &sender->ports);
	sender->warn_at = WALL_NEVER;
	map_init(&sender->by_endpoint);
	return sender;
}

/* A flight from the pool, or a new one. Its arena keeps a block over its lives: attempts are what this program does
 * most, and their memory should not go through the allocator each time. */
static struct flight *
flight_new(struct sender *sender)
{
	struct flight *flight = sender->idle;
	struct arena arena = ARENA_EMPTY;
	if (flight == NULL) {
		flight = mem_alloc(sizeof *flight);
	} else {
		sender->idle = flight->next;
		sender->idle_count--;
		arena = flight->transmission.arena;
	}
	*flight = (struct flight){.transmission = {.arena = arena, .owner = flight}, .next = sender->flights};
	if (sender->flights != NULL)
		sender->flights->previous = flight;
	sender->flights = flight;
	return flight;
}

static void
flight_free(struct sender *sender, struct flight *flight)
{
	message_unref(flight->payload);
	credentials_unref(flight->fetching);
	tls_identity_unref(flight->identity);
	if (flight->previous != NULL)
		flight->previous->next = flight->next;
	else
		sender->flights = flight->next;
	if (flight->next != NULL)
		flight->next->previous = flight->previous;
	if (sender->idle_count < IDLE_FLIGHTS_MAX) {
		arena_reset(&flight->transmission.arena);
		flight->next = sender->idle;
		sender->idle = flight;
		sender->idle_count++;
		return;
	}
	arena_free(&flight->transmission.arena);
	free(flight);
}

void
sender_free(struct sender *sender)
{
	if (sender == NULL)
		return;
	challenger_free(sender->challenger);
	while (sender->flights != NULL)
		flight_free(sender, sender->flights);
	while (sender->idle != NULL) {
		struct flight *next = sender->idle->next;
		arena_free(&sender->idle->transmission.arena);
		free(sender->idle);
		sender->idle = next;
	}
	while (sender->repeats != NULL) {
		struct store_request *next = sender->repeats->owner;
		store_request_free(sender->repeats);
		sender->repeats = next;
	}
	sender->actions.count = 0;
	engine_close(sender->engine, &sender->actions);
	for (size_t i = 0; i < sender->actions.count; i++)
		message_unref(sender->actions.items[i].delivery.payload);
	engine_free(sender->engine);
	for (uint32_t i = 0; i < sender->target_count; i++)
		target_free(sender->targets[i]);
	free(sender->targets);
	free(sender->actions.items);
	map_fini(&sender->by_endpoint);
	free(sender);
}

void
sender_pause(struct sender *sender)
{
	engine_pause(sender->engine);
	sender->paused = true;
	challenger_pause(sender->challenger);
}

void
sender_start(struct sender *sender, struct wall_time now)
{
	sender->ports.submit(sender->ports.context, store_request_new(STORE_ENDPOINTS_ALL, now));
}

/* --- endpoints -------------------------------------------------------------------------------------- */

static struct target *
find_target(const struct sender *sender, struct endpoint_id id)
{
	uint32_t index = map_get(&sender->by_endpoint, id.value, 0);
	return index == MAP_ABSENT ? NULL : sender->targets[index];
}

/* Puts a target in the place of another. Whoever waited for a token of credentials that are gone starts anew. */
static void
replace_target(struct sender *sender, struct target **place, struct target *target, struct wall_time now)
{
	struct credentials *before = (*place)->credentials; /* NULL also where the new target took them over */
	struct flight *waiting = before == NULL ? NULL : before->waiting;
	struct tls_identity *identity = tls_identity_ref(credentials_identity(before));
	if (before != NULL)
		before->waiting = before->waiting_last = NULL;
	target_free(*place);
	*place = target;
	if (identity != NULL && sender->ports.retire != NULL)
		sender->ports.retire(sender->ports.context, identity);
	tls_identity_unref(identity);
	start_all(sender, waiting, now);
}

static void
watch_certificate(struct sender *sender, const struct endpoint *endpoint, struct wall_time now)
{
	struct certificates *certificates = sender->options.certificates;
	const struct tls_identity *identity = credentials_identity(find_target(sender, endpoint->id)->credentials);
	if (endpoint->state == ENDPOINT_DELETED)
		certificates_forget(certificates, endpoint->id);
	else if (certificates_note(certificates, endpoint->id, CERTIFICATE_CLIENT,
		     identity == NULL ? WALL_NONE : tls_identity_expires(identity), now))
		sender->warn_at = now;
}

static void
put_target(struct sender *sender, const struct endpoint *endpoint, struct wall_time now)
{
	uint32_t index = map_get(&sender->by_endpoint, endpoint->id.value, 0);
	struct target *target =
	    target_new(endpoint, &sender->options.schedule, sender->options.forwarding ? NULL : sender->options.sealer,
		index == MAP_ABSENT ? NULL : sender->targets[index]);
	if (target->heartbeat_s > 0 && !sender->options.forwarding) {
		target->heartbeat_at = heartbeat_first(target, now);
		if (target->heartbeat_at.us < sender->heartbeat_at.us)
			sender->heartbeat_at = target->heartbeat_at;
	}
	if (index != MAP_ABSENT) {
		if (sender->targets[index]->newest > target->newest)
			target->newest = sender->targets[index]->newest;
		replace_target(sender, &sender->targets[index], target, now);
		return;
	}
	uint32_t count = sender->target_count;
	if ((count & (count - 1)) == 0)
		sender->targets = mem_resize(sender->targets, count == 0 ? 1 : (size_t)count * 2, sizeof target);
	sender->targets[sender->target_count++] = target;
	map_put(&sender->by_endpoint, endpoint->id.value, 0, count);
}

static enum engine_endpoint_status
status_of(enum endpoint_state state)
{
	switch (state) {
	case ENDPOINT_ACTIVE: return ENGINE_ACTIVE;
	case ENDPOINT_SUSPENDED:
	case ENDPOINT_PENDING_VERIFICATION:
	case ENDPOINT_DISABLED: return ENGINE_HELD;
	case ENDPOINT_DELETED: return ENGINE_GONE;
	case ENDPOINT_STATE_COUNT: break;
	}
	UNREACHABLE();
}

static void
on_endpoint(struct sender *sender, const struct endpoint *endpoint, struct wall_time now)
{
	put_target(sender, endpoint, now);
	challenger_endpoint(sender->challenger, endpoint, now);
	watch_certificate(sender, endpoint, now);
	const struct target *target = find_target(sender, endpoint->id);
	struct engine_event event = {
	    .kind = ENGINE_ENDPOINT,
	    .endpoint =
		{
		    .id = endpoint->id,
		    .organisation = endpoint->organisation,
		    .status = status_of(endpoint->state),
		    .schedule = target->schedule,
		    .failing_since = endpoint->failing_since,
		    .warned = endpoint->warned,
		    .in_flight_max = LIMIT_ENDPOINT_IN_FLIGHT,
		    .rate_per_s = target->rate_per_s,
		    .order = target->order,
		},
	};
	step(sender, now, &event);
}

/* What goes one after another has the same key. Only endpoints in order `resource` need one. */
static int64_t
order_key(const struct sender *sender, struct endpoint_id endpoint, const struct message *message)
{
	const struct target *target = find_target(sender, endpoint);
	return target == NULL || target->order != ORDER_RESOURCE ? 0 : compose_resource_key(message);
}

/* --- notes ------------------------------------------------------------------------------------------ */

void
sender_note(struct sender *sender, struct store_note *note, struct wall_time now)
{
	if (note->kind == STORE_NOTE_ENDPOINT) {
		if (note->endpoint->state == ENDPOINT_SUSPENDED)
			sender->counts.suspended++;
		on_endpoint(sender, note->endpoint, now);
	}
	for (size_t i = 0; i < note->target_count && note->kind == STORE_NOTE_CANCELLED; i++)
		step(sender, now,
		    &(struct engine_event){
			.kind = ENGINE_CANCELLED,
			.delivery = {.endpoint = note->targets[i].endpoint, .message = note->cancelled},
		    });
	for (size_t i = 0; i < note->target_count && note->kind == STORE_NOTE_DELIVERIES; i++) {
		const struct store_note_target *target = &note->targets[i];
		struct target *known = find_target(sender, target->endpoint);
		if (known != NULL && known->newest < target->sequence)
			known->newest = target->sequence;
		struct engine_event event = {
		    .kind = ENGINE_ADDED,
		    .delivery =
			{
			    .endpoint = target->endpoint,
			    .message = note->message->id,
			    .due = target->due,
			    .attempts = target->attempts,
			    .sequence = target->sequence,
			    .trigger = target->trigger,
			    .bytes = (uint32_t)versions_bytes(note->message),
			    .order_key = order_key(sender, target->endpoint, note->message),
			    .payload = message_ref(note->message),
			},
		};
		step(sender, now, &event);
	}
	store_note_free(note);
	perform(sender, now);
}

/* --- replies of the store --------------------------------------------------------------------------- */

static void
on_refilled(struct sender *sender, struct store_request *request, struct wall_time now)
{
	struct store_refill *refill = &request->refill;
	struct engine_event event = {.kind = ENGINE_REFILL_FAILED, .delivery.endpoint = refill->endpoint};
	if (request->status == OK) {
		struct engine_delivery *rows = arena_alloc(&request->arena, refill->count * sizeof *rows);
		for (size_t i = 0; i < refill->count; i++) {
			const struct store_delivery *row = &refill->rows[i];
			rows[i] = (struct engine_delivery){
			    .endpoint = refill->endpoint,
			    .message = row->message->id,
			    .due = row->due,
			    .attempts = row->attempts,
			    .sequence = row->sequence,
			    .trigger = row->trigger,
			    .bytes = (uint32_t)versions_bytes(row->message),
			    .order_key = order_key(sender, refill->endpoint, row->message),
			    .payload = message_ref(row->message),
			};
		}
		event.kind = ENGINE_REFILLED;
		event.rows = rows;
		event.row_count = refill->count;
		event.next = (struct engine_due){refill->next.due, refill->next.message};
	}
	step(sender, now, &event);
	store_request_free(request);
}

static void
on_recorded(struct sender *sender, struct store_request *request, struct wall_time now)
{
	/* A delivery that is no longer there has nothing to be recorded on. */
	if (request->status != OK && request->status != ERR_NOT_FOUND) {
		request->owner = sender->repeats;
		sender->repeats = request;
		sender->repeat_at.us = now.us + REPEAT_RECORD_AFTER_US;
		return;
	}
	struct engine_event event = {
	    .kind = ENGINE_RECORDED,
	    .unwanted = request->record.unwanted,
	    .delivery = {.endpoint = request->record.endpoint, .message = request->record.message},
	};
	store_request_free(request);
	step(sender, now, &event);
}

static void
on_endpoints(struct sender *sender, struct store_request *request, struct wall_time now)
{
	if (request->status != OK) {
		log_write(
		    sender->options.log, LOG_ERROR, "the endpoints cannot be read", "error", request->error.text, NULL);
		store_request_free(request);
		sender_start(sender, now);
		return;
	}
	for (size_t i = 0; i < request->count; i++)
		on_endpoint(sender, &request->endpoints[i], now);
	store_request_free(request);
}

void
sender_reply(struct sender *sender, struct store_request *request, struct wall_time now)
{
	switch ((int)request->kind) {
	case STORE_REFILL: on_refilled(sender, request, now); break;
	case STORE_RECORD: on_recorded(sender, request, now); break;
	case STORE_ENDPOINTS_ALL: on_endpoints(sender, request, now); break;
	case STORE_ENDPOINT_VERIFIED: challenger_reply(sender->challenger, request, now); break;
	default: UNREACHABLE();
	}
	perform(sender, now);
}

/* --- attempts --------------------------------------------------------------------------------------- */

static void
record(struct sender *sender, const struct engine_action *action, struct wall_time now, struct flight *flight)
{
	struct store_request *request = store_request_new(STORE_RECORD, now);
	const struct transmission *sent = &flight->transmission;
	bool answered = sent->outcome == TRANSMISSION_ANSWERED;
	bool responded = answered || sent->outcome == TRANSMISSION_PASSED || sent->outcome == TRANSMISSION_FAILED;
	struct slice response = responded ? sent->response : slice_of(sent->problem);
	response = echo_hide(&request->arena, &sent->headers, response, LIMIT_RESPONSE_STORED_BYTES);
	request->record = (struct store_record){
	    .endpoint = flight->endpoint,
	    .message = flight->message,
	    .state = action->state,
	    .due = action->delivery.due,
	    .set_failing = action->set_failing,
	    .failing_since = action->failing_since,
	    .suspend = action->suspend,
	    .warn = action->warn,
	    .suspends_at = action->suspends_at,
	    .attempt =
		{
		    .message = flight->message,
		    .endpoint = flight->endpoint,
		    .number = flight->number,
		    .status_code = answered ? sent->status_code : 0,
		    .duration_ms = (int32_t)((flight->earlier_us + sent->duration_us) / 1000),
		    .trigger = flight->trigger,
		    .succeeded = action->state == DELIVERY_DELIVERED,
		    .response = arena_copy(&request->arena, response),
		},
	};
	sender->counts.retried += action->state == DELIVERY_PENDING;
	sender->counts.exhausted += action->state == DELIVERY_EXHAUSTED;
	sender->ports.submit(sender->ports.context, request);
}

/* The outcome goes to the engine, which says at once what is to be recorded of this flight. */
static void
land(struct sender *sender, struct flight *flight, bool succeeded, struct wall_time now)
{
	if (flight->heartbeat)
		return;
	ENSURE(sender->actions.count == 0);
	bool answered = flight->transmission.outcome == TRANSMISSION_ANSWERED;
	struct engine_event event = {
	    .kind = ENGINE_ATTEMPTED,
	    .random = sender->ports.random(sender->ports.context),
	    .delivery = {.endpoint = flight->endpoint, .message = flight->message},
	    .succeeded = succeeded,
	    .final = !succeeded && flight->transmission.final,
	    .status_code = answered ? flight->transmission.status_code : 0,
	    .retry_after_ms = answered ? flight->transmission.retry_after_ms : 0,
	};
	sender->counts.attempts++;
	sender->counts.succeeded += succeeded;
	sender->counts.failed += !succeeded;
	step(sender, now, &event);
	sender->landed = flight;
	perform_actions(sender, now);
	sender->landed = NULL;
}

/* Plain HTTP in a sandbox. */
static bool
plain_allowed(const struct sender *sender, struct endpoint_id endpoint)
{
	const struct target *target = find_target(sender, endpoint);
	return sender->options.sandbox_plain_http && target != NULL && target->environment == ENVIRONMENT_SANDBOX;
}

/* --- access tokens ---------------------------------------------------------------------------------- */

/* Asks for a token. One that the flights in the credentials' list wait for. */
static void
fetch_token(struct sender *sender, const struct target *target)
{
	struct credentials *credentials = target->credentials;
	struct flight *flight = flight_new(sender);
	struct transmission *transmission = &flight->transmission;
	flight->endpoint = target->id;
	flight->fetching = credentials_ref(credentials);
	transmission->timeout_ms = sender->options.timeout_ms;
	transmission->party = target->organisation.value;
	transmission->plain_allowed = plain_allowed(sender, target->id);
	oauth_request(credentials->oauth, transmission);
	if (oauth_wants_endpoint_tls(credentials->oauth))
		flight->identity = tls_identity_ref(credentials->identity);
	transmission->identity = flight->identity;
	sender->ports.transmit(sender->ports.context, transmission);
}

static void
wait_for_token(struct sender *sender, const struct target *target, struct flight *flight, struct wall_time now)
{
	struct credentials *credentials = target->credentials;
	flight->waiting_next = NULL;
	if (credentials->waiting == NULL)
		credentials->waiting = flight;
	else
		credentials->waiting_last->waiting_next = flight;
	credentials->waiting_last = flight;
	if (oauth_state(credentials->oauth, now) != OAUTH_FETCHING)
		fetch_token(sender, target);
}

/* Those that waited go out with the token, or their attempts have failed for the same reason. */
static void
on_token(struct sender *sender, struct flight *fetch, struct wall_time now)
{
	struct credentials *credentials = fetch->fetching;
	char problem[sizeof fetch->transmission.problem];
	bool held = oauth_answer(credentials->oauth, &fetch->transmission, now, problem);
	int64_t took_us = fetch->transmission.duration_us;
	struct flight *waiting = credentials->waiting;
	credentials->waiting = credentials->waiting_last = NULL;
	while (waiting != NULL) {
		struct flight *flight = waiting;
		waiting = flight->waiting_next;
		if (held) {
			start(sender, flight, now, true);
			continue;
		}
		flight->transmission.outcome = TRANSMISSION_UNREACHABLE;
		flight->transmission.duration_us = took_us;
		memcpy(flight->transmission.problem, problem, sizeof problem);
		land(sender, flight, false, now);
		flight_free(sender, flight);
	}
	flight_free(sender, fetch);
}

/* Whether the attempt is made again at once, since it was its token that was refused: once. */
static bool
refresh(struct sender *sender, struct flight *flight, struct wall_time now)
{
	const struct transmission *sent = &flight->transmission;
	const struct target *target = find_target(sender, flight->endpoint);
	if (flight->token == 0 || sent->outcome != TRANSMISSION_ANSWERED || sent->status_code != 401 ||
	    flight->refreshed || target == NULL || target->credentials == NULL || target->credentials->oauth == NULL)
		return false;
	oauth_refused(target->credentials->oauth, flight->token);
	flight->refreshed = true;
	flight->earlier_us = sent->duration_us;
	start(sender, flight, now, false);
	return true;
}

/* --- reports ---------------------------------------------------------------------------------------- */

static void
note_peer(struct sender *sender, const struct flight *flight, struct wall_time now)
{
	struct wall_time expires = flight->transmission.peer_expires;
	if (expires.us == 0 || sender->options.certificates == NULL)
		return;
	struct target *target = find_target(sender, flight->endpoint);
	if (target == NULL || target->peer_expires.us == expires.us)
		return;
	target->peer_expires = expires;
	if (certificates_note(sender->options.certificates, flight->endpoint, CERTIFICATE_SERVER, expires, now))
		sender->warn_at = now;
}

void
sender_report(struct sender *sender, struct transmission *transmission, struct wall_time now)
{
	if (challenger_report(sender->challenger, transmission, now))
		return;
	struct flight *flight = transmission->owner;
	if (flight->fetching != NULL) {
		on_token(sender, flight, now);
		perform(sender, now);
		return;
	}
	note_peer(sender, flight, now);
	if (refresh(sender, flight, now)) {
		perform(sender, now);
		return;
	}
	bool succeeded = transmission->outcome == TRANSMISSION_PASSED ||
			 (transmission->outcome == TRANSMISSION_ANSWERED && transmission->status_code >= 200 &&
			     transmission->status_code < 300);
	if (!flight->outcome_ignored)
		land(sender, flight, succeeded, now);
	flight_free(sender, flight);
	perform(sender, now);
}

/* The value of the request's authorization header, absent without one. False: it has to wait for a token. `fresh`: a
 * token has just come, and is used however short its life is. */
static bool
authorise(struct sender *sender, struct flight *flight, const struct target *target, struct wall_time now, bool fresh,
    struct slice *out)
{
	const struct credentials *credentials = target->credentials;
	*out = credentials == NULL ? SLICE_NONE : credentials->authorization;
	flight->token = 0;
	if (credentials == NULL || credentials->oauth == NULL)
		return true;
	if (!fresh && oauth_state(credentials->oauth, now) != OAUTH_HELD) {
		wait_for_token(sender, target, flight, now);
		return false;
	}
	flight->token = oauth_generation(credentials->oauth);
	*out = oauth_authorization(credentials->oauth, &flight->transmission.arena);
	return true;
}

/* Composes the request and sends it; or has it wait; or puts it among those that could not be composed. */
static void
start(struct sender *sender, struct flight *flight, struct wall_time now, bool fresh)
{
	struct transmission *transmission = &flight->transmission;
	struct arena arena = transmission->arena;
	arena_reset(&arena);
	*transmission = (struct transmission){
	    .arena = arena,
	    .owner = flight,
	    .timeout_ms = sender->options.timeout_ms,
	    .message = flight->payload,
	    .plain_allowed = plain_allowed(sender, flight->endpoint),
	};
	struct compose_input input = {
	    .kind = flight->heartbeat ? COMPOSE_HEARTBEAT : COMPOSE_DELIVERY,
	    .target = find_target(sender, flight->endpoint),
	    .message = flight->payload,
	    .sequence = flight->sequence,
	    .number = flight->number,
	    .now = now,
	    .forward = sender->options.forwarding,
	};
	ENSURE(input.target != NULL);
	if (!authorise(sender, flight, input.target, now, fresh, &input.authorization))
		return;
	struct error error = ERROR_NONE;
	bool expunged = !slice_present(input.message->payload);
	if (expunged || compose(&input, transmission, &error) != OK) {
		transmission->outcome = TRANSMISSION_REFUSED;
		snprintf(transmission->problem, sizeof transmission->problem, "%.150s",
		    expunged ? "the payload is no longer kept" : error.text);
		flight->refused_next = sender->refused;
		sender->refused = flight;
		return;
	}
	if (flight->identity != transmission->identity) {
		tls_identity_unref(flight->identity);
		flight->identity = tls_identity_ref(transmission->identity);
	}
	sender->ports.transmit(sender->ports.context, transmission);
	if (sender->options.delivered_before_outcome) {
		flight->outcome_ignored = true;
		flight->refused_next = sender->refused;
		sender->refused = flight;
	}
}

static void
start_all(struct sender *sender, struct flight *waiting, struct wall_time now)
{
	while (waiting != NULL) {
		struct flight *flight = waiting;
		waiting = flight->waiting_next;
		start(sender, flight, now, false);
	}
}

static void
launch(struct sender *sender, const struct engine_delivery *delivery, struct wall_time now)
{
	struct flight *flight = flight_new(sender);
	flight->endpoint = delivery->endpoint;
	flight->message = delivery->message;
	flight->number = delivery->attempts + 1;
	flight->trigger = delivery->trigger;
	flight->sequence = delivery->sequence;
	flight->payload = message_ref(delivery->payload);
	start(sender, flight, now, false);
}

static void
refill(struct sender *sender, const struct engine_action *action, struct wall_time now)
{
	struct store_request *request = store_request_new(STORE_REFILL, now);
	request->refill = (struct store_refill){
	    .endpoint = action->delivery.endpoint,
	    .from = {action->from.due, action->from.message},
	    .until = action->until,
	    .limit = action->limit,
	    .bytes_limit = LIMIT_REFILL_BYTES,
	};
	sender->ports.submit(sender->ports.context, request);
}

static void
perform_actions(struct sender *sender, struct wall_time now)
{
	for (size_t i = 0; i < sender->actions.count; i++) {
		const struct engine_action *action = &sender->actions.items[i];
		switch (action->kind) {
		case ENGINE_SEND: launch(sender, &action->delivery, now); break;
		case ENGINE_RECORD: record(sender, action, now, sender->landed); break;
		case ENGINE_REFILL: refill(sender, action, now); break;
		case ENGINE_FORGET: message_unref(action->delivery.payload); break;
		}
	}
	sender->actions.count = 0;
}

/* Performs what the engine decided, and reports what could not even be composed. */
static void
perform(struct sender *sender, struct wall_time now)
{
	perform_actions(sender, now);
	while (sender->refused != NULL) {
		struct flight *flight = sender->refused;
		sender->refused = flight->refused_next;
		land(sender, flight, flight->outcome_ignored, now);
		if (!flight->outcome_ignored)
			flight_free(sender, flight);
	}
}

/* Whatever happens to it, nothing follows: the next one goes when its time has come. */
static void
beat(struct sender *sender, const struct target *target, struct wall_time now)
{
	struct flight *flight = flight_new(sender);
	flight->heartbeat = true;
	flight->payload = heartbeat_message(target, now);
	flight->endpoint = target->id;
	start(sender, flight, now, false);
}

/* None goes to an endpoint that is held: what it is not sent, it is not asked about. */
static void
beat_all(struct sender *sender, struct wall_time now)
{
	sender->heartbeat_at = WALL_NEVER;
	for (uint32_t i = 0; i < sender->target_count && !sender->paused; i++) {
		struct target *target = sender->targets[i];
		if (target->heartbeat_s == 0 || sender->options.forwarding || target->state == ENDPOINT_DELETED)
			continue;
		if (target->heartbeat_at.us <= now.us) {
			if (target->state == ENDPOINT_ACTIVE)
				beat(sender, target, now);
			target->heartbeat_at.us = now.us + (int64_t)target->heartbeat_s * 1000000;
		}
		if (target->heartbeat_at.us < sender->heartbeat_at.us)
			sender->heartbeat_at = target->heartbeat_at;
	}
}

static void
repeat_records(struct sender *sender)
{
	struct store_request *request = sender->repeats;
	sender->repeats = NULL;
	sender->repeat_at = WALL_NEVER;
	while (request != NULL) {
		struct store_request *next = request->owner;
		request->owner = NULL;
		sender->counts.records_repeated++;
		sender->ports.submit(sender->ports.context, request);
		request = next;
	}
}

struct wall_time
sender_turn(struct sender *sender, struct wall_time now)
{
	if (sender->repeat_at.us <= now.us)
		repeat_records(sender);
	struct wall_time next = engine_next(sender->engine);
	if (next.us <= now.us) {
		struct engine_event tick = {.kind = ENGINE_TICK};
		step(sender, now, &tick);
		perform(sender, now);
		next = engine_next(sender->engine);
	}
	if (sender->heartbeat_at.us <= now.us) {
		beat_all(sender, now);
		perform(sender, now);
	}
	next = sender->heartbeat_at.us < next.us ? sender->heartbeat_at : next;
	struct wall_time asks = challenger_turn(sender->challenger, now);
	next = asks.us < next.us ? asks : next;
	if (sender->warn_at.us <= now.us) {
		(void)certificates_warn(sender->options.certificates, sender->options.log, now);
		sender->warn_at.us = now.us + WARN_EVERY_US;
	}
	if (sender->warn_at.us < next.us)
		next = sender->warn_at;
	return sender->repeat_at.us < next.us ? sender->repeat_at : next;
}

struct sender_counts
sender_counts(const struct sender *sender)
{
	struct sender_counts counts = sender->counts;
	counts.engine = engine_counts(sender->engine);
	return counts;
}

void
sender_check(const struct sender *sender)
{
	engine_check(sender->engine);
}
