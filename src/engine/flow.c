/* Flow to an endpoint: window, rate, pauses, breaker. The feedback on how much may be on its way is kept apart from
 * the decision that nothing works (the breaker), and both from the decision to give up (suspension: engine.c). */
#include "engine/engine_private.h"

enum {
	WINDOW_FIRST = 16,
	SECOND_US = 1000000,
	RATE_BURST_US = SECOND_US / 10, /* a rate may be overdrawn by what it gives in this time */
};

void
flow_begin(struct engine *engine, struct node *node)
{
	node->window = WINDOW_FIRST;
	node->failures = 0;
	node->breaker = BREAKER_CLOSED;
	node->paused_until = engine->now;
	node->rate_at = engine->now;
	node->wake_at = 0;
	node->wake_generation++;
}

static uint32_t
limit_of(const struct node *node)
{
	if (node->breaker == BREAKER_HALF_OPEN || node->config.order == ORDER_ENDPOINT)
		return 1;
	uint32_t most = (uint32_t)node->config.in_flight_max;
	return node->window < most ? node->window : most;
}

/* The time from which both pause and rate allow. */
static int64_t
allowed_at(const struct node *node)
{
	int64_t rate_us = node->config.rate_per_s == 0 ? 0 : node->rate_at.us - RATE_BURST_US;
	return rate_us > node->paused_until.us ? rate_us : node->paused_until.us;
}

bool
flow_allows(const struct engine *engine, const struct node *node)
{
	return node->breaker != BREAKER_OPEN && node->flying < limit_of(node) && allowed_at(node) <= engine->now.us;
}

void
flow_sent(struct engine *engine, struct node *node)
{
	if (node->config.rate_per_s == 0)
		return;
	int64_t from = node->rate_at.us > engine->now.us ? node->rate_at.us : engine->now.us;
	node->rate_at.us = from + SECOND_US / node->config.rate_per_s;
}

static void
breaker_open(struct engine *engine, struct node *node)
{
	node->breaker = BREAKER_OPEN;
	int64_t until = engine->now.us + engine->options.breaker_open_ms * 1000;
	if (node->paused_until.us < until)
		node->paused_until.us = until;
}

static bool
says_too_much(int32_t status)
{
	return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

static void
judge_failure(struct engine *engine, struct node *node, const struct engine_event *event)
{
	node->failures++;
	if (says_too_much(event->status_code) && node->window > 1)
		node->window /= 2;
	int64_t most_ms = engine->options.retry_after_max_ms;
	int64_t pause_us = (event->retry_after_ms < most_ms ? event->retry_after_ms : most_ms) * 1000;
	bool asks = pause_us > 0 && (event->status_code == 429 || event->status_code == 503);
	if (asks && node->paused_until.us < engine->now.us + pause_us)
		node->paused_until.us = engine->now.us + pause_us;
	bool probe = node->breaker == BREAKER_HALF_OPEN;
	bool enough = engine->options.breaker_failures > 0 &&
		      node->failures >= (uint32_t)engine->options.breaker_failures && node->breaker == BREAKER_CLOSED;
	if (probe || enough)
		breaker_open(engine, node);
}

void
flow_judge(struct engine *engine, uint32_t index, const struct engine_event *event)
{
	struct node *node = &engine->nodes[index];
	if (!event->succeeded && !event->final) {
		judge_failure(engine, node, event);
		return;
	}
	node->failures = 0;
	if (node->window < (uint32_t)node->config.in_flight_max)
		node->window++;
	/* It works: whatever the breaker waited for is over. */
	if (node->breaker != BREAKER_CLOSED)
		node->paused_until = engine->now;
	node->breaker = BREAKER_CLOSED;
}

void
flow_look(const struct engine *engine, struct node *node)
{
	if (node->breaker == BREAKER_OPEN && node->paused_until.us <= engine->now.us)
		node->breaker = BREAKER_HALF_OPEN;
}

void
flow_set_back(struct node *node, int64_t by_us)
{
	node->paused_until.us -= by_us;
	node->rate_at.us -= by_us;
	/* What stands in the wake heap is of the clock as it was. */
	node->wake_at = 0;
	node->wake_generation++;
}

void
flow_sleep(struct engine *engine, uint32_t index)
{
	struct node *node = &engine->nodes[index];
	int64_t at = allowed_at(node);
	if (!node->used || node->config.status != ENGINE_ACTIVE || node->ready_first == NONE || at <= engine->now.us ||
	    at == node->wake_at)
		return;
	node->wake_at = at;
	heap_push(&engine->wakes, (struct heap_entry){at, 0, index, ++node->wake_generation});
}

void
flow_wake(struct engine *engine)
{
	for (const struct heap_entry *top; (top = heap_top(&engine->wakes)) != NULL && top->key <= engine->now.us;) {
		uint32_t index = top->item;
		struct node *node = &engine->nodes[index];
		bool stale = !node->used || node->wake_generation != top->generation;
		heap_pop(&engine->wakes);
		if (stale)
			continue;
		node->wake_at = 0;
		turns_update(engine, index);
	}
}
