/* The network, and the receivers that keep a ledger of what they took. */
#include "sim.h"

#include <stdio.h>

/* --- what a receiver checks -------------------------------------------------------------------------- */

static struct slice
header(const struct transmission *transmission, const char *name)
{
	for (size_t i = 0; i < transmission->headers.count; i++)
		if (slice_is(transmission->headers.items[i].name, name))
			return transmission->headers.items[i].value;
	return SLICE_NONE;
}

static bool
verified(const struct world *world, const struct transmission *transmission)
{
	struct arena arena = ARENA_EMPTY;
	struct verify_input input = {
	    .method = SLICE("POST"),
	    .authority = SLICE("example.com"),
	    .headers = transmission->headers,
	    .body = transmission->body,
	    .now = world->now,
	};
	struct verify_result result;
	verify_request(SCHEME_STANDARD, &world->key, 1, &input, &arena, &result);
	arena_free(&arena);
	return result.verdict == VERDICT_VERIFIED;
}

/* Same id, same bytes, same sequence on every attempt; a signature that holds. */
static void
inspect(struct world *world, const struct transmission *transmission, int number, int endpoint)
{
	struct world_event *event = &world->events[number];
	struct arena arena = ARENA_EMPTY;
	char id[ID_TEXT_BYTES];
	id_format(ID_MESSAGE, event->id.value, id);
	if (!slice_is(header(transmission, "webhook-id"), id))
		world_fail(world, "event %d came under another id", number);
	if (!slice_equal(transmission->body, clients_payload(world, number, &arena)))
		world_fail(world, "event %d came with other bytes", number);
	if (!verified(world, transmission))
		world_fail(world, "event %d came with a signature that does not hold", number);
	int64_t sequence = 0;
	if (!slice_to_int64(header(transmission, "vaultbell-sequence"), &sequence) ||
	    (event->sequence[endpoint] != 0 && event->sequence[endpoint] != sequence))
		world_fail(world, "event %d came with another sequence", number);
	event->sequence[endpoint] = sequence;
	arena_free(&arena);
}

/* --- what becomes of a request ----------------------------------------------------------------------- */

struct fate {
	bool arrives;
	enum transmission_outcome outcome;
	int status_code;
};

static struct fate
fate_of(struct world *world, enum receiver_mode mode)
{
	static const struct fate works = {true, TRANSMISSION_ANSWERED, 204};
	static const struct fate flaky[] = {
	    {true, TRANSMISSION_ANSWERED, 200},
	    {true, TRANSMISSION_ANSWERED, 500},
	    {false, TRANSMISSION_UNREACHABLE, 0},
	    {false, TRANSMISSION_BROKEN, 0},
	    {true, TRANSMISSION_BROKEN, 0},
	    {false, TRANSMISSION_TIMED_OUT, 0},
	    {true, TRANSMISSION_TIMED_OUT, 0},
	};
	static const struct fate fails[] = {
	    {true, TRANSMISSION_ANSWERED, 500},
	    {true, TRANSMISSION_ANSWERED, 503},
	    {true, TRANSMISSION_ANSWERED, 429},
	    {true, TRANSMISSION_ANSWERED, 404},
	    {false, TRANSMISSION_UNREACHABLE, 0},
	};
	switch (mode) {
	case RECEIVER_WORKS: return works;
	case RECEIVER_FLAKY: return flaky[world_below(world, COUNT_OF(flaky))];
	case RECEIVER_FAILS: return fails[world_below(world, COUNT_OF(fails))];
	case RECEIVER_IS_GONE: return (struct fate){true, TRANSMISSION_ANSWERED, 410};
	case RECEIVER_HANGS: return (struct fate){world_chance(world, 1, 2), TRANSMISSION_TIMED_OUT, 0};
	case RECEIVER_HAS_NO_NAME: return (struct fate){false, TRANSMISSION_UNREACHABLE, 0};
	case RECEIVER_MODE_COUNT: break;
	}
	UNREACHABLE();
}

static void
mark_fate(struct world *world, const struct transmission *transmission, const struct fate *fate, int endpoint)
{
	if (transmission->retry_after_ms > 0)
		mark(world, MARK_RETRY_AFTER);
	if (fate->outcome == TRANSMISSION_TIMED_OUT)
		mark(world, MARK_HUNG);
	if (fate->arrives && fate->outcome != TRANSMISSION_ANSWERED)
		mark(world, MARK_TAKEN_UNANSWERED);
	if (world->receivers[endpoint].mode == RECEIVER_HAS_NO_NAME)
		mark(world, MARK_NAME_LOST);
}

static int
endpoint_of_url(struct slice url)
{
	int64_t number = -1;
	struct slice rest = slice_skip(url, strlen("https://example.com/endpoint-"));
	return slice_to_int64(rest, &number) && number < ENDPOINTS_MAX ? (int)number : -1;
}

/* To an endpoint in order nothing goes before what was accepted earlier is delivered or exhausted. What was asked for
 * again has left its place. */
static void
check_order(struct world *world, int number, int endpoint)
{
	const struct world_event *event = &world->events[number];
	enum delivery_order order = clients_order(world, endpoint);
	for (int i = 0; order != ORDER_NONE && event->resends[endpoint] == 0 && i < world->event_count; i++) {
		const struct world_event *other = &world->events[i];
		bool same_line = order == ORDER_ENDPOINT || i % TRANSACTIONS == number % TRANSACTIONS;
		bool open = (world->model.targets[i] & 1u << endpoint) != 0 &&
			    world->model.successes[i][endpoint] == 0 && !world->model.exhausted[i][endpoint];
		if (same_line && open && other->id.value < event->id.value && other->resends[endpoint] == 0)
			world_fail(world, "event %d overtakes event %d to endpoint %d", number, i, endpoint);
	}
}

static void
check_cause(struct world *world, int number, int endpoint)
{
	const struct world_event *event = &world->events[number];
	if ((world->model.targets[number] & 1u << endpoint) == 0)
		world_fail(world, "event %d goes to endpoint %d, which did not ask for it", number, endpoint);
	if (!world->receivers[endpoint].sent_to)
		world_fail(world, "event %d goes to endpoint %d, which is held", number, endpoint);
	if (world->model.successes[number][endpoint] > event->resends[endpoint] ||
	    event->heard[endpoint] > event->resends[endpoint])
		world_fail(world, "event %d goes to endpoint %d again without a cause", number, endpoint);
	for (size_t i = 0; i < world->flight_count; i++)
		if (world->flights[i].event == number && world->flights[i].endpoint == endpoint)
			world_fail(world, "event %d goes to endpoint %d twice at once", number, endpoint);
	world->duplicates += event->taken[endpoint] > 0;
	if (event->answered[endpoint] > 0 && event->resends[endpoint] == 0)
		mark(world, MARK_REPEATED_BY_CRASH);
	check_order(world, number, endpoint);
}

void
receivers_transmit(void *context, struct transmission *transmission)
{
	struct world *world = context;
	int endpoint = endpoint_of_url(transmission->url), number = -1;
	int64_t id = 0;
	if (id_parse(ID_MESSAGE, header(transmission, "webhook-id"), &id))
		number = model_event_of(world, (struct message_id){id});
	if (endpoint < 0 || number < 0) {
		world_fail(world, "something is sent that was never committed");
		return;
	}
	ENSURE(world->flight_count < FLIGHTS_MAX);
	world->transmissions++;
	bug_in_transmission(world, transmission);
	check_cause(world, number, endpoint);
	inspect(world, transmission, number, endpoint);
	struct fate fate = fate_of(world, world->receivers[endpoint].mode);
	bool late = fate.outcome == TRANSMISSION_TIMED_OUT;
	int64_t ends = late ? transmission->timeout_ms * 1000 : 1000 + (int64_t)random_below(&world->random, 300000);
	int64_t arrives = (int64_t)random_below(&world->random, (uint64_t)ends);
	transmission->outcome = fate.outcome;
	transmission->status_code = fate.status_code;
	transmission->duration_us = ends;
	bool later = fate.status_code == 429 || fate.status_code == 503;
	transmission->retry_after_ms = later && world_chance(world, 1, 2) ? 1000 * world_below(world, 5) : 0;
	snprintf(transmission->problem, sizeof transmission->problem, "simulated");
	mark_fate(world, transmission, &fate, endpoint);
	bool well = fate.outcome == TRANSMISSION_ANSWERED && fate.status_code < 300;
	bool takes = fate.arrives && (well || fate.outcome != TRANSMISSION_ANSWERED);
	world->flights[world->flight_count++] = (struct network_flight){
	    .transmission = transmission,
	    .arrives = takes ? (struct wall_time){world->now.us + arrives} : WALL_NEVER,
	    .ends = {world->now.us + ends},
	    .event = number,
	    .endpoint = endpoint,
	    .answers_well = well,
	};
	world_say(world, "sends event %d to endpoint %d: %s %d", number, endpoint,
	    transmission_outcome_name(fate.outcome), fate.status_code);
}

/* --- time passes ------------------------------------------------------------------------------------- */

static void
arrive(struct world *world, struct network_flight *flight)
{
	flight->arrives = WALL_NEVER;
	world->events[flight->event].taken[flight->endpoint]++;
}

static void
finish(struct world *world, size_t index)
{
	struct network_flight flight = world->flights[index];
	world->flights[index] = world->flights[--world->flight_count];
	if (flight.answers_well) {
		world->events[flight.event].answered[flight.endpoint]++;
		world->events[flight.event].heard[flight.endpoint]++;
	}
	sender_report(world->sender, flight.transmission, world->now);
}

bool
receivers_move(struct world *world)
{
	for (size_t i = 0; i < world->flight_count; i++) {
		struct network_flight *flight = &world->flights[i];
		if (flight->arrives.us <= world->now.us) {
			arrive(world, flight);
			return true;
		}
		if (flight->ends.us <= world->now.us) {
			finish(world, i);
			return true;
		}
	}
	return false;
}

struct wall_time
receivers_next(const struct world *world)
{
	struct wall_time next = WALL_NEVER;
	for (size_t i = 0; i < world->flight_count; i++) {
		const struct network_flight *flight = &world->flights[i];
		next = flight->arrives.us < next.us ? flight->arrives : next;
		next = flight->ends.us < next.us ? flight->ends : next;
	}
	return next;
}

/* What was sent may still arrive; its answer finds nobody. */
void
receivers_lose_connections(struct world *world)
{
	for (size_t i = 0; i < world->flight_count; i++)
		if (world->flights[i].arrives.us != WALL_NEVER.us && world_chance(world, 1, 2))
			arrive(world, &world->flights[i]);
	world->flight_count = 0;
	for (int i = 0; i < world->event_count; i++)
		memset(world->events[i].heard, 0, sizeof world->events[i].heard);
}
