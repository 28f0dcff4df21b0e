/* Whose turn it is: a ring of organisations, and in each a ring of its endpoints that could send. */
#include "engine/engine_private.h"

static bool
could_send(const struct engine *engine, const struct node *node)
{
	return node->used && node->config.status == ENGINE_ACTIVE && node->ready_first != NONE &&
	       flow_allows(engine, node);
}

/* Ring operations work on whatever array holds the links. */
struct ring {
	struct engine *engine;
	bool of_nodes;
};

static struct ring_links *
links(struct ring ring, uint32_t item)
{
	return ring.of_nodes ? &ring.engine->nodes[item].ring : &ring.engine->tenants[item].ring;
}

/* Joins behind everyone else: just before the one whose turn is next. */
static void
ring_join(struct ring ring, uint32_t *turn, uint32_t item)
{
	if (*turn == NONE) {
		*links(ring, item) = (struct ring_links){item, item};
		*turn = item;
		return;
	}
	uint32_t last = links(ring, *turn)->previous;
	*links(ring, item) = (struct ring_links){*turn, last};
	links(ring, last)->next = item;
	links(ring, *turn)->previous = item;
}

static void
ring_leave(struct ring ring, uint32_t *turn, uint32_t item)
{
	struct ring_links at = *links(ring, item);
	if (at.next == item) {
		*turn = NONE;
	} else {
		links(ring, at.previous)->next = at.next;
		links(ring, at.next)->previous = at.previous;
		if (*turn == item)
			*turn = at.next;
	}
	*links(ring, item) = (struct ring_links){NONE, NONE};
}

void
turns_update(struct engine *engine, uint32_t index)
{
	struct node *node = &engine->nodes[index];
	struct tenant *tenant = &engine->tenants[node->organisation];
	flow_look(engine, node);
	bool stands = node->ring.next != NONE, should = could_send(engine, node);
	if (!should)
		flow_sleep(engine, index);
	if (stands == should)
		return;
	struct ring nodes = {engine, true}, tenants = {engine, false};
	if (should) {
		ring_join(nodes, &tenant->turn, index);
		if (tenant->ring.next == NONE)
			ring_join(tenants, &engine->turn, node->organisation);
	} else {
		ring_leave(nodes, &tenant->turn, index);
		if (tenant->turn == NONE)
			ring_leave(tenants, &engine->turn, node->organisation);
	}
}

uint32_t
turns_next(struct engine *engine)
{
	if (engine->turn == NONE)
		return NONE;
	struct tenant *tenant = &engine->tenants[engine->turn];
	uint32_t node = tenant->turn;
	tenant->turn = engine->nodes[node].ring.next;
	engine->turn = tenant->ring.next;
	return node;
}
