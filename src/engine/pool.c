/* Slots for deliveries, endpoints and organisations, and the ready list of each endpoint. */
#include "engine/engine_private.h"

uint32_t
pool_take(struct engine *engine)
{
	uint32_t slot = engine->held_free;
	if (slot == NONE) {
		uint32_t made = engine->held_count;
		uint32_t wanted = made == 0 ? 256 : made * 2;
		engine->held = mem_resize(engine->held, wanted, sizeof engine->held[0]);
		for (uint32_t i = made; i < wanted; i++)
			engine->held[i] = (struct held){.next = i + 1 == wanted ? NONE : i + 1};
		engine->held_count = wanted;
		slot = made;
	}
	engine->held_free = engine->held[slot].next;
	engine->held[slot].generation++;
	engine->held[slot].next = engine->held[slot].previous = engine->held[slot].follower = NONE;
	engine->in_memory++;
	return slot;
}

void
pool_give(struct engine *engine, uint32_t slot)
{
	held_move(engine, slot, HELD_FREE);
	engine->held[slot].next = engine->held_free;
	engine->held_free = slot;
	engine->in_memory--;
}

static uint32_t *
counter_of(struct engine *engine, enum held_state state)
{
	switch (state) {
	case HELD_FREE: return NULL;
	case HELD_WAITING: return &engine->waiting;
	case HELD_READY: return &engine->ready;
	case HELD_FLYING: return &engine->flying;
	case HELD_RECORDING: return &engine->recording;
	case HELD_BLOCKED: return &engine->blocked;
	case HELD_STATE_COUNT: break;
	}
	UNREACHABLE();
}

void
held_move(struct engine *engine, uint32_t slot, enum held_state to)
{
	static const bool moves[HELD_STATE_COUNT][HELD_STATE_COUNT] = {
	    [HELD_FREE] = {[HELD_WAITING] = true, [HELD_READY] = true, [HELD_BLOCKED] = true},
	    [HELD_WAITING] = {[HELD_READY] = true, [HELD_FREE] = true},
	    [HELD_READY] = {[HELD_FLYING] = true, [HELD_FREE] = true},
	    [HELD_FLYING] = {[HELD_RECORDING] = true},
	    [HELD_RECORDING] = {[HELD_WAITING] = true, [HELD_FREE] = true},
	    [HELD_BLOCKED] = {[HELD_READY] = true, [HELD_FREE] = true},
	};
	struct held *held = &engine->held[slot];
	ENSURE(moves[held->state][to]);
	uint32_t *from_count = counter_of(engine, held->state), *to_count = counter_of(engine, to);
	if (from_count != NULL)
		(*from_count)--;
	if (to_count != NULL)
		(*to_count)++;
	if (held->state == HELD_FLYING)
		engine->nodes[held->endpoint].flying--;
	if (to == HELD_FLYING)
		engine->nodes[held->endpoint].flying++;
	held->state = to;
}

void
ready_append(struct engine *engine, uint32_t slot)
{
	struct node *node = &engine->nodes[engine->held[slot].endpoint];
	engine->held[slot].next = NONE;
	engine->held[slot].previous = node->ready_last;
	if (node->ready_last == NONE)
		node->ready_first = slot;
	else
		engine->held[node->ready_last].next = slot;
	node->ready_last = slot;
}

void
ready_remove(struct engine *engine, uint32_t slot)
{
	struct held *held = &engine->held[slot];
	struct node *node = &engine->nodes[held->endpoint];
	if (held->previous == NONE)
		node->ready_first = held->next;
	else
		engine->held[held->previous].next = held->next;
	if (held->next == NONE)
		node->ready_last = held->previous;
	else
		engine->held[held->next].previous = held->previous;
	held->next = held->previous = NONE;
}

uint32_t
node_find(const struct engine *engine, struct endpoint_id id)
{
	return map_get(&engine->by_endpoint, id.value, 0);
}

static uint32_t
tenant_make(struct engine *engine, struct organisation_id id)
{
	uint32_t tenant = map_get(&engine->by_organisation, id.value, 0);
	if (tenant != MAP_ABSENT)
		return tenant;
	/* Organisations that come and go leave a small slot each until the next start. */
	tenant = engine->tenant_count++;
	engine->tenants = mem_resize(engine->tenants, engine->tenant_count, sizeof engine->tenants[0]);
	engine->tenants[tenant] = (struct tenant){.id = id, .turn = NONE, .ring = {NONE, NONE}};
	map_put(&engine->by_organisation, id.value, 0, tenant);
	return tenant;
}

uint32_t
node_make(struct engine *engine, const struct engine_endpoint *config)
{
	uint32_t node = 0;
	while (node < engine->node_count && engine->nodes[node].used)
		node++;
	if (node == engine->node_count) {
		uint32_t wanted = node == 0 ? 16 : node * 2;
		engine->nodes = mem_resize(engine->nodes, wanted, sizeof engine->nodes[0]);
		memset(engine->nodes + node, 0, (wanted - node) * sizeof engine->nodes[0]);
		engine->node_count = wanted;
	}
	uint32_t generation = engine->nodes[node].refill_generation, wake = engine->nodes[node].wake_generation;
	engine->nodes[node] = (struct node){
	    .config = *config,
	    .used = true,
	    .organisation = tenant_make(engine, config->organisation),
	    .ready_first = NONE,
	    .ready_last = NONE,
	    .spill = {{0}, 0},
	    .refill_generation = generation + 1,
	    .wake_generation = wake + 1,
	    .ring = {NONE, NONE},
	};
	map_put(&engine->by_endpoint, config->id.value, 0, node);
	flow_begin(engine, &engine->nodes[node]);
	return node;
}

void
node_drop(struct engine *engine, uint32_t node)
{
	ENSURE(engine->nodes[node].held == 0 && engine->nodes[node].ring.next == NONE);
	map_remove(&engine->by_endpoint, engine->nodes[node].config.id.value, 0);
	engine->nodes[node].used = false;
	engine->nodes[node].refill_generation++;
}
