/* Order: lines of deliveries that go one after another. The first of a line moves like any other; those behind it
 * are BLOCKED, each known to the one before it. A line exists while somebody stands in it. */
#include "engine/engine_private.h"

static int64_t
line_of(const struct engine *engine, const struct held *held)
{
	return engine->nodes[held->endpoint].config.order == ORDER_ENDPOINT ? 0 : held->delivery.order_key;
}

bool
order_joins(struct engine *engine, uint32_t slot)
{
	struct held *held = &engine->held[slot];
	held->follower = NONE;
	held->in_line = engine->nodes[held->endpoint].config.order != ORDER_NONE;
	if (!held->in_line)
		return false;
	held->line = line_of(engine, held);
	int64_t endpoint = held->delivery.endpoint.value;
	uint32_t last = map_get(&engine->order_last, endpoint, held->line);
	map_put(&engine->order_last, endpoint, held->line, slot);
	if (last == MAP_ABSENT)
		return false;
	engine->held[last].follower = slot;
	return true;
}

uint32_t
order_leaves(struct engine *engine, uint32_t slot)
{
	struct held *held = &engine->held[slot];
	if (!held->in_line)
		return NONE;
	int64_t endpoint = held->delivery.endpoint.value;
	if (map_get(&engine->order_last, endpoint, held->line) == slot)
		map_remove(&engine->order_last, endpoint, held->line);
	return held->follower;
}

void
order_cuts_out(struct engine *engine, uint32_t slot)
{
	struct held *held = &engine->held[slot];
	uint32_t before = 0;
	while (engine->held[before].state == HELD_FREE || engine->held[before].follower != slot)
		before++;
	engine->held[before].follower = held->follower;
	int64_t endpoint = held->delivery.endpoint.value;
	if (map_get(&engine->order_last, endpoint, held->line) == slot)
		map_put(&engine->order_last, endpoint, held->line, before);
	held->follower = NONE;
	held->in_line = false;
}
