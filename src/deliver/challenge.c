#include "deliver/challenge.h"

#include "base/encode.h"
#include "base/map.h"
#include "deliver/compose.h"

#include <stdio.h>
#include <stdlib.h>

enum { FLYING_MAX = 64, BODY_BYTES_MAX = 4096, AGAIN_US = 1000000 };

/* One URL that has to prove itself. */
struct ask {
	struct transmission transmission;
	struct tls_identity *identity; /* that it goes out under; one reference */
	struct message *message;       /* what is on its way borrows from it; one reference */
	struct endpoint endpoint;      /* what is needed of it lives in arena */
	struct arena arena;
	struct slice url;
	struct wall_time due;
	enum { ASK_RESTS, ASK_FLIES, ASK_RECORDS } state;
	bool gone; /* while it flew: it has proved itself, or there is nothing to prove */
};

struct challenger {
	const struct sender_options *options;
	const struct sender_ports *ports;
	struct ask **asks;
	uint32_t count, capacity;
	struct map by_endpoint; /* (endpoint id, 0) → index in asks */
	struct ask *flying[FLYING_MAX];
	size_t flying_count;
	struct wall_time next; /* no ask is due before */
	bool paused;
};

struct challenger *
challenger_new(const struct sender_options *options, const struct sender_ports *ports)
{
	struct challenger *challenger = mem_zero(1, sizeof *challenger);
	challenger->options = options;
	challenger->ports = ports;
	challenger->next = WALL_NEVER;
	map_init(&challenger->by_endpoint);
	return challenger;
}

/* Nothing of it is on its way any more. */
static void
ask_land(struct ask *ask)
{
	tls_identity_unref(ask->identity);
	message_unref(ask->message);
	ask->identity = NULL;
	ask->message = NULL;
}

static void
ask_free(struct ask *ask)
{
	ask_land(ask);
	arena_free(&ask->transmission.arena);
	arena_free(&ask->arena);
	free(ask);
}

void
challenger_free(struct challenger *challenger)
{
	if (challenger == NULL)
		return;
	for (size_t i = 0; i < challenger->flying_count; i++)
		if (challenger->flying[i]->gone)
			ask_free(challenger->flying[i]);
	for (uint32_t i = 0; i < challenger->count; i++)
		ask_free(challenger->asks[i]);
	free(challenger->asks);
	map_fini(&challenger->by_endpoint);
	free(challenger);
}

void
challenger_pause(struct challenger *challenger)
{
	challenger->paused = true;
}

/* --- the table --------------------------------------------------------------------------------------- */

static struct ask *
find(const struct challenger *challenger, struct endpoint_id id)
{
	uint32_t index = map_get(&challenger->by_endpoint, id.value, 0);
	return index == MAP_ABSENT ? NULL : challenger->asks[index];
}

/* What flies is freed when it lands. */
static void
forget(struct challenger *challenger, struct endpoint_id id)
{
	uint32_t index = map_get(&challenger->by_endpoint, id.value, 0);
	if (index == MAP_ABSENT)
		return;
	struct ask *ask = challenger->asks[index], *last = challenger->asks[--challenger->count];
	map_remove(&challenger->by_endpoint, id.value, 0);
	if (last != ask) {
		challenger->asks[index] = last;
		map_put(&challenger->by_endpoint, last->endpoint.id.value, 0, index);
	}
	ask->gone = true;
	if (ask->state != ASK_FLIES)
		ask_free(ask);
}

static void
add(struct challenger *challenger, struct ask *ask)
{
	if (challenger->count == challenger->capacity) {
		challenger->capacity = challenger->capacity == 0 ? 16 : challenger->capacity * 2;
		challenger->asks = mem_resize(challenger->asks, challenger->capacity, sizeof ask);
	}
	map_put(&challenger->by_endpoint, ask->endpoint.id.value, 0, challenger->count);
	challenger->asks[challenger->count++] = ask;
}

static bool
has_to(const struct endpoint *endpoint)
{
	return slice_present(endpoint->verification.challenge) && endpoint->verification.due.us != 0 &&
	       endpoint->state != ENDPOINT_DISABLED && endpoint->state != ENDPOINT_DELETED;
}

void
challenger_endpoint(struct challenger *challenger, const struct endpoint *endpoint, struct wall_time now)
{
	(void)now;
	const struct verification *verification = &endpoint->verification;
	struct ask *old = find(challenger, endpoint->id);
	/* The outcome of what flies is judged by the store: it knows which challenge it was. */
	bool same = old != NULL && old->state == ASK_FLIES && has_to(endpoint) &&
		    slice_equal(old->endpoint.verification.challenge, verification->challenge);
	if (same)
		return;
	forget(challenger, endpoint->id);
	if (!has_to(endpoint))
		return;
	struct ask *ask = mem_zero(1, sizeof *ask);
	ask->endpoint = endpoint_copy(&ask->arena, endpoint);
	ask->url = slice_present(verification->url) ? ask->endpoint.verification.url : ask->endpoint.url;
	ask->due = verification->due;
	add(challenger, ask);
	if (ask->due.us < challenger->next.us)
		challenger->next = ask->due;
}

/* --- asking ------------------------------------------------------------------------------------------ */

/* The same on every attempt, and told from any event's: a receiver knows by it what it has verified. */
static struct slice
challenge_id(struct arena *arena, struct slice challenge)
{
	unsigned char hash[SHA256_BYTES];
	struct buf text;
	sha256(challenge, hash);
	buf_init(&text, 64);
	buf_text(&text, CHALLENGE_ID_PREFIX);
	hex_append(&text, (struct slice){(const char *)hash, 14});
	struct slice copy = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return copy;
}

static struct slice
challenge_body(struct arena *arena, const struct ask *ask, struct slice id, struct wall_time now)
{
	struct buf text;
	struct json_writer writer;
	char time[TIME_TEXT_BYTES], endpoint[ID_TEXT_BYTES];
	bool legacy = ask->endpoint.scheme == SCHEME_LEGACY;
	buf_init(&text, BODY_BYTES_MAX);
	json_writer_init(&writer, &text);
	json_open(&writer, '{');
	json_put_string(&writer, legacy ? "messageId" : "id", id);
	json_put_cstring(&writer, "type", "webhook.ping");
	json_put_cstring(&writer, "timestamp", time_format(now, 3, time));
	json_key(&writer, legacy ? "payload" : "data");
	json_open(&writer, '{');
	json_put_cstring(&writer, "endpoint_id", id_format(ID_ENDPOINT, ask->endpoint.id.value, endpoint));
	json_close(&writer);
	json_put_string(&writer, "challenge", ask->endpoint.verification.challenge);
	json_close(&writer);
	ENSURE(!text.overflow);
	struct slice copy = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return copy;
}

/* Composed like a delivery, to the URL that is asked. */
static enum error_code
compose_ask(struct challenger *challenger, struct ask *ask, struct wall_time now, struct error *error)
{
	struct endpoint endpoint = ask->endpoint;
	endpoint.url = ask->url;
	endpoint.payload_style = PAYLOAD_RAW;
	ask_land(ask);
	struct target *target =
	    target_new(&endpoint, &challenger->options->schedule, challenger->options->sealer, NULL);
	struct message *message = ask->message = message_new();
	message->organisation = endpoint.organisation;
	message->event_type = SLICE("webhook.ping");
	message->created = now;
	message->webhook_id = challenge_id(&message->arena, endpoint.verification.challenge);
	message->payload = challenge_body(&message->arena, ask, message->webhook_id, now);
	struct compose_input input = {
	    .kind = COMPOSE_HEARTBEAT, /* like one, it is no delivery */
	    .target = target,
	    .message = message,
	    .now = now,
	    /* An access token has to be asked for; a challenge goes without. */
	    .authorization = target->credentials == NULL ? SLICE_NONE : target->credentials->authorization,
	};
	struct transmission *transmission = &ask->transmission;
	*transmission = (struct transmission){
	    .arena = transmission->arena, .owner = ask, .timeout_ms = challenger->options->timeout_ms};
	enum error_code code = compose(&input, transmission, error);
	ask->identity = tls_identity_ref(transmission->identity);
	target_free(target);
	return code;
}

static void
submit(struct challenger *challenger, struct ask *ask, const char *problem, struct wall_time now)
{
	struct store_request *request = store_request_new(STORE_ENDPOINT_VERIFIED, now);
	struct schedule schedule = challenger->options->schedule;
	if (slice_present(ask->endpoint.schedule) && schedule_parse(ask->endpoint.schedule, &schedule, NULL) != OK)
		schedule = challenger->options->schedule;
	size_t made = (size_t)ask->endpoint.verification.attempts;
	request->admin->verified = (struct store_verified){
	    .endpoint = ask->endpoint.id,
	    .challenge = arena_copy(&request->arena, ask->endpoint.verification.challenge),
	    .succeeded = problem == NULL,
	    .problem = arena_copy(&request->arena, slice_of(problem)),
	};
	if (problem != NULL && made < schedule.count)
		request->admin->verified.due.us = now.us + schedule.delay_ms[made] * 1000;
	ask->state = ASK_RECORDS;
	challenger->ports->submit(challenger->ports->context, request);
}

static void
send_ask(struct challenger *challenger, struct ask *ask, struct wall_time now)
{
	struct error error = ERROR_NONE;
	if (compose_ask(challenger, ask, now, &error) != OK) {
		submit(challenger, ask, error.text, now);
		arena_reset(&ask->transmission.arena);
		return;
	}
	ask->state = ASK_FLIES;
	challenger->flying[challenger->flying_count++] = ask;
	challenger->ports->transmit(challenger->ports->context, &ask->transmission);
}

struct wall_time
challenger_turn(struct challenger *challenger, struct wall_time now)
{
	if (challenger->paused)
		return WALL_NEVER;
	if (challenger->next.us > now.us)
		return challenger->next;
	struct wall_time next = WALL_NEVER;
	for (uint32_t i = 0; i < challenger->count; i++) {
		struct ask *ask = challenger->asks[i];
		if (ask->state != ASK_RESTS)
			continue;
		if (ask->due.us <= now.us && challenger->flying_count < FLYING_MAX)
			send_ask(challenger, ask, now);
		else if (ask->due.us < next.us)
			next = ask->due;
	}
	/* Where there was no room, the next that lands makes some. */
	challenger->next = challenger->flying_count == FLYING_MAX ? WALL_NEVER : next;
	return challenger->next;
}

/* --- answers ----------------------------------------------------------------------------------------- */

bool
challenge_answered(struct slice body, struct slice challenge)
{
	struct json answer;
	while (body.len > 0 && strchr(" \t\r\n", body.ptr[body.len - 1]) != NULL && body.ptr[body.len - 1] != '\0')
		body.len--;
	if (slice_equal(body, challenge))
		return true;
	if (json_parse(body, LIMIT_JSON_DEPTH, &answer, NULL) != OK)
		return false;
	if (answer.type == JSON_OBJECT)
		answer = json_member(answer, "challenge");
	return json_present(answer) && answer.type == JSON_STRING && json_text_is(answer, challenge);
}

static void
judge(const struct ask *ask, char *problem, size_t room)
{
	const struct transmission *sent = &ask->transmission;
	problem[0] = '\0';
	if (sent->outcome != TRANSMISSION_ANSWERED)
		snprintf(problem, room, "%s", sent->problem[0] != '\0' ? sent->problem : "there was no answer");
	else if (sent->status_code < 200 || sent->status_code > 299)
		snprintf(problem, room, "it answered %d", sent->status_code);
	else if (!challenge_answered(sent->response, ask->endpoint.verification.challenge))
		snprintf(problem, room, "it answered %d, without the challenge", sent->status_code);
}

bool
challenger_report(struct challenger *challenger, struct transmission *transmission, struct wall_time now)
{
	size_t at = 0;
	while (at < challenger->flying_count && &challenger->flying[at]->transmission != transmission)
		at++;
	if (at == challenger->flying_count)
		return false;
	struct ask *ask = challenger->flying[at];
	challenger->flying[at] = challenger->flying[--challenger->flying_count];
	challenger->next = WALL_NONE;
	if (ask->gone) {
		ask_free(ask);
		return true;
	}
	char problem[200];
	judge(ask, problem, sizeof problem);
	submit(challenger, ask, problem[0] == '\0' ? NULL : problem, now);
	arena_reset(&ask->transmission.arena);
	ask_land(ask);
	return true;
}

void
challenger_reply(struct challenger *challenger, struct store_request *request, struct wall_time now)
{
	struct ask *ask = find(challenger, request->admin->verified.endpoint);
	/* The endpoint has come back already, ahead of this, if the store took it. */
	if (ask != NULL && ask->state == ASK_RECORDS) {
		ask->state = ASK_RESTS;
		ask->due.us = now.us + AGAIN_US;
		challenger->next = WALL_NONE;
	}
	store_request_free(request);
}
