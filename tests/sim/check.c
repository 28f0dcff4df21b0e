/* What must hold when all is quiet. */
#include "sim.h"

static struct store_request *
deliveries_of(struct world *world, int number)
{
	struct store_request *request = store_request_new(STORE_MESSAGE_ENDPOINTS, world->now);
	char text[ID_TEXT_BYTES];
	request->ref = clients_uid(&request->arena, "organisation", world->events[number].organisation);
	request->message_ref =
	    arena_copy(&request->arena, slice_of(id_format(ID_MESSAGE, world->events[number].id.value, text)));
	request->page.limit = ENDPOINTS_MAX;
	machine_read(world, request);
	return request;
}

int64_t
check_pending(struct world *world)
{
	struct store_request *request = store_request_new(STORE_COUNTS, world->now);
	machine_read(world, request);
	int64_t pending = request->admin->counts.deliveries_pending;
	store_request_free(request);
	return pending;
}

int
check_resend_exhausted(struct world *world)
{
	int resent = 0;
	for (int i = 0; i < world->event_count && !world->failed; i++) {
		if (!world->model.in_store[i])
			continue;
		struct store_request *request = deliveries_of(world, i);
		for (size_t n = 0; n < request->count; n++) {
			int endpoint = model_endpoint_of(world, request->deliveries[n].endpoint->id);
			if (request->deliveries[n].state != DELIVERY_EXHAUSTED ||
			    request->deliveries[n].endpoint->state == ENDPOINT_DELETED)
				continue;
			clients_resend(world, i, endpoint);
			resent++;
		}
		store_request_free(request);
	}
	return resent;
}

static void
check_delivery(struct world *world, int number, int endpoint, const struct store_delivery *delivery)
{
	const struct world_event *event = &world->events[number];
	bool gone = world->model.endpoints[endpoint].state == ENDPOINT_DELETED;
	if (delivery->state == DELIVERY_DELIVERED && event->answered[endpoint] == 0)
		world_fail(world, "event %d is delivered to endpoint %d, which never said so", number, endpoint);
	if (!gone && delivery->state != DELIVERY_DELIVERED)
		world_fail(world, "event %d is not delivered to endpoint %d: state %d", number, endpoint,
		    (int)delivery->state);
	if (gone && delivery->state == DELIVERY_PENDING)
		world_fail(world, "event %d is pending for endpoint %d, which is gone", number, endpoint);
	if (event->sequence[endpoint] != 0 && event->sequence[endpoint] != delivery->sequence)
		world_fail(world, "event %d has another sequence for endpoint %d than was sent", number, endpoint);
	if (world->model.successes[number][endpoint] > event->answered[endpoint])
		world_fail(world, "event %d has more successes at endpoint %d than answers", number, endpoint);
}

/* Deliveries of each event are those of its targets; per endpoint the sequences run from 1 without a gap. */
void
check_everything(struct world *world)
{
	uint64_t seen[ENDPOINTS_MAX][2] = {{0}};
	int64_t deliveries[ENDPOINTS_MAX] = {0};
	for (int i = 0; i < world->event_count && !world->failed; i++) {
		if (world->events[i].posting != POST_ACKNOWLEDGED)
			world_fail(world, "event %d was never acknowledged", i);
		else if (!world->model.in_store[i])
			world_fail(world, "event %d was acknowledged and is lost", i);
		if (world->failed)
			return;
		struct store_request *request = deliveries_of(world, i);
		uint32_t targets = 0;
		for (size_t n = 0; n < request->count; n++) {
			const struct store_delivery *delivery = &request->deliveries[n];
			int endpoint = model_endpoint_of(world, delivery->endpoint->id);
			if (endpoint < 0 || delivery->sequence < 1 || delivery->sequence > EVENTS_MAX) {
				world_fail(world, "event %d has a strange delivery", i);
				break;
			}
			targets |= 1u << endpoint;
			deliveries[endpoint]++;
			seen[endpoint][delivery->sequence / 64] |= (uint64_t)1 << delivery->sequence % 64;
			check_delivery(world, i, endpoint, delivery);
		}
		if (targets != world->model.targets[i])
			world_fail(world, "event %d has deliveries to %#x instead of %#x", i, targets,
			    world->model.targets[i]);
		store_request_free(request);
	}
	for (int i = 0; i < ENDPOINTS_MAX; i++)
		for (int64_t n = 1; n <= deliveries[i]; n++)
			if ((seen[i][n / 64] >> n % 64 & 1) == 0)
				world_fail(world, "the sequence of endpoint %d lacks %lld", i, (long long)n);
}
