#include "server/pressure.h"

#include "base/macros.h"

/* Above `close` it closes, and below `open` it opens again; between them it stays as it is. */
static void
watch(bool *closed, int64_t value, int64_t close, int64_t open)
{
	if (value > close)
		*closed = true;
	else if (value <= open)
		*closed = false;
}

enum pressure_reason
pressure_judge(struct pressure *pressure, const struct pressure_reading *reading)
{
	const struct pressure_limits *limits = &pressure->limits;
	int64_t queue = limits->queue_bytes, memory = limits->memory_bytes, floor = limits->disk_floor_bytes;
	watch(&pressure->closed[PRESSURE_QUEUE], reading->queue_bytes, queue, queue / 2);
	if (memory > 0)
		watch(&pressure->closed[PRESSURE_MEMORY], reading->memory_bytes, memory, memory - memory / 10);
	if (floor > 0 && reading->disk_free_bytes >= 0)
		watch(&pressure->closed[PRESSURE_DISK], -reading->disk_free_bytes, -floor, -(floor + floor / 4));
	/* The disk first: it is the one that takes a person. */
	static const enum pressure_reason order[] = {PRESSURE_DISK, PRESSURE_MEMORY, PRESSURE_QUEUE};
	for (size_t i = 0; i < COUNT_OF(order); i++)
		if (pressure->closed[order[i]]) {
			pressure->refused[order[i]]++;
			return order[i];
		}
	return PRESSURE_REASON_COUNT;
}

const struct pressure_answer *
pressure_answer(enum pressure_reason reason)
{
	static const struct pressure_answer answers[PRESSURE_REASON_COUNT] = {
	    [PRESSURE_QUEUE] = {429, 1, "too_many_requests",
		"More events wait to be stored and sent than the server keeps in memory; send this one again a little "
		"later, with the same idempotency key."},
	    [PRESSURE_MEMORY] = {429, 5, "too_many_requests",
		"The server uses as much memory as it may; send this event again later, with the same idempotency "
		"key."},
	    [PRESSURE_DISK] = {503, 30, "insufficient_storage",
		"The disk that holds the data is nearly full, so no new events are taken; those that were accepted are "
		"still delivered. Make room, and send this one again."},
	};
	return &answers[reason];
}
