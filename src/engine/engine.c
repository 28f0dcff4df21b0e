#include "engine/engine_private.h"

#include <stdlib.h>

enum { REFILLS_AT_ONCE = 4, REFILL_PAUSE_MS = 1000 };

/* --- life ------------------------------------------------------------------------------------------- */

struct engine_options
engine_default_options(void)
{
	return (struct engine_options){
	    .deliveries_max = LIMIT_ENGINE_DELIVERIES,
	    .bytes_max = LIMIT_ENGINE_BYTES,
	    .window = LIMIT_ENDPOINT_WINDOW,
	    .refill_limit = LIMIT_REFILL_ROWS,
	    .in_flight_max = LIMIT_IN_FLIGHT,
	    .keep_ms = 10 * 1000,
	    .suspend_after_ms = (int64_t)5 * 24 * 3600 * 1000,
	    .warn_share_percent = 20,
	    .warn_failures = 100,
	    .breaker_failures = 10,
	    .breaker_open_ms = 5 * 1000,
	    .retry_after_max_ms = (int64_t)24 * 3600 * 1000,
	};
}

struct engine *
engine_new(const struct engine_options *options)
{
	struct engine *engine = mem_zero(1, sizeof *engine);
	engine->options = *options;
	engine->held_free = NONE;
	engine->turn = NONE;
	map_init(&engine->by_delivery);
	map_init(&engine->order_last);
	map_init(&engine->by_endpoint);
	map_init(&engine->by_organisation);
	return engine;
}

void
engine_pause(struct engine *engine)
{
	engine->options.in_flight_max = 0;
}

void
engine_close(struct engine *engine, struct engine_actions *actions)
{
	engine->actions = actions;
	for (uint32_t i = 0; i < engine->held_count; i++)
		if (engine->held[i].state != HELD_FREE)
			action_add(engine, ENGINE_FORGET)->delivery = engine->held[i].delivery;
}

void
engine_free(struct engine *engine)
{
	if (engine == NULL)
		return;
	map_fini(&engine->by_delivery);
	map_fini(&engine->order_last);
	map_fini(&engine->by_endpoint);
	map_fini(&engine->by_organisation);
	heap_fini(&engine->due);
	heap_fini(&engine->refills);
	heap_fini(&engine->wakes);
	free(engine->held);
	free(engine->nodes);
	free(engine->tenants);
	free(engine);
}

struct engine_action *
action_add(struct engine *engine, enum engine_action_kind kind)
{
	struct engine_actions *actions = engine->actions;
	if (actions->count == actions->capacity) {
		actions->capacity = actions->capacity == 0 ? 64 : actions->capacity * 2;
		actions->items = mem_resize(actions->items, actions->capacity, sizeof actions->items[0]);
	}
	struct engine_action *action = &actions->items[actions->count++];
	*action = (struct engine_action){.kind = kind};
	return action;
}

/* --- what is only in the store ---------------------------------------------------------------------- */

/* Puts the endpoint's spill on the refill heap, when there is one to be read and room for it. */
static void
refill_consider(struct engine *engine, uint32_t index)
{
	struct node *node = &engine->nodes[index];
	node->refill_generation++;
	if (!node->used || node->config.status != ENGINE_ACTIVE || node->refilling ||
	    node->spill.due.us == WALL_NEVER.us || node->held > engine->options.window / 2)
		return;
	heap_push(&engine->refills,
	    (struct heap_entry){node->spill.due.us, node->spill.message, index, node->refill_generation});
}

/* A delivery that is not, or no longer, in memory: from now on the spill covers it. */
static void
spill(struct engine *engine, uint32_t index, struct engine_due at)
{
	struct node *node = &engine->nodes[index];
	/* What was committed before the refill on its way answers is in that answer, or behind its `next`. */
	if (node->refilling && due_compare(at, node->refill_from) >= 0)
		return;
	if (due_compare(at, node->spill) >= 0)
		return;
	node->spill = at;
	refill_consider(engine, index);
}

static bool
has_backlog(const struct engine *engine, const struct node *node)
{
	return node->refilling || node->spill.due.us <= engine->now.us;
}

/* --- deliveries come and go ------------------------------------------------------------------------- */

static void
forget(struct engine *engine, const struct engine_delivery *delivery)
{
	action_add(engine, ENGINE_FORGET)->delivery = *delivery;
}

static void
make_ready(struct engine *engine, uint32_t slot)
{
	held_move(engine, slot, HELD_READY);
	ready_append(engine, slot);
	turns_update(engine, engine->held[slot].endpoint);
}

static void
leave(struct engine *engine, uint32_t slot)
{
	struct held *held = &engine->held[slot];
	uint32_t index = held->endpoint;
	uint32_t follower = order_leaves(engine, slot);
	if (follower != NONE)
		make_ready(engine, follower);
	if (held->state == HELD_READY)
		ready_remove(engine, slot);
	map_remove(&engine->by_delivery, held->delivery.endpoint.value, held->delivery.message.value);
	engine->bytes -= held->delivery.bytes;
	forget(engine, &held->delivery);
	pool_give(engine, slot);
	struct node *node = &engine->nodes[index];
	node->held--;
	turns_update(engine, index);
	if (node->config.status == ENGINE_GONE && node->held == 0)
		node_drop(engine, index);
	else if (node->held == engine->options.window / 2)
		refill_consider(engine, index);
}

static void
wait_until(struct engine *engine, uint32_t slot, struct wall_time due)
{
	struct held *held = &engine->held[slot];
	held_move(engine, slot, HELD_WAITING);
	heap_push(&engine->due, (struct heap_entry){due.us, held->delivery.message.value, slot, held->generation});
}

static bool
keeps(const struct engine *engine, struct wall_time due)
{
	return due.us <= engine->now.us + engine->options.keep_ms * 1000;
}

static struct engine_due
position(const struct engine_delivery *delivery)
{
	return (struct engine_due){delivery->due, delivery->message.value};
}

static bool
is_full(const struct engine *engine)
{
	const struct engine_options *options = &engine->options;
	return engine->in_memory >= options->deliveries_max ||
	       (options->bytes_max > 0 && engine->bytes >= options->bytes_max);
}

/* Takes a delivery into memory, or leaves it to the store when there is no room or it is not due for long. */
static void
admit(struct engine *engine, uint32_t index, const struct engine_delivery *delivery)
{
	struct node *node = &engine->nodes[index];
	if (node->held >= engine->options.window || is_full(engine) || !keeps(engine, delivery->due)) {
		spill(engine, index, position(delivery));
		forget(engine, delivery);
		return;
	}
	uint32_t slot = pool_take(engine);
	struct held *held = &engine->held[slot];
	held->delivery = *delivery;
	held->endpoint = index;
	engine->nodes[index].held++;
	engine->bytes += delivery->bytes;
	map_put(&engine->by_delivery, delivery->endpoint.value, delivery->message.value, slot);
	if (order_joins(engine, slot))
		held_move(engine, slot, HELD_BLOCKED);
	else if (delivery->due.us <= engine->now.us)
		make_ready(engine, slot);
	else
		wait_until(engine, slot, delivery->due);
}

/* --- events ----------------------------------------------------------------------------------------- */

/* Breaks up the endpoint's lines: nobody follows anybody. Who stays in memory is the last, and only, of his. */
static void
dissolve_lines(struct engine *engine, uint32_t index)
{
	for (uint32_t slot = 0; slot < engine->held_count; slot++) {
		struct held *held = &engine->held[slot];
		if (held->state == HELD_FREE || held->endpoint != index || !held->in_line)
			continue;
		held->follower = NONE;
		if (held->state == HELD_FLYING || held->state == HELD_RECORDING) {
			map_put(&engine->order_last, held->delivery.endpoint.value, held->line, slot);
			continue;
		}
		order_leaves(engine, slot);
		held->in_line = false;
	}
}

/* Everything of the endpoint that is not on its way leaves memory; the store keeps it. */
static void
let_go(struct engine *engine, uint32_t index)
{
	dissolve_lines(engine, index);
	for (uint32_t slot = 0; slot < engine->held_count; slot++) {
		struct held *held = &engine->held[slot];
		if (held->state == HELD_FREE || held->endpoint != index)
			continue;
		if (held->state == HELD_WAITING || held->state == HELD_READY || held->state == HELD_BLOCKED)
			leave(engine, slot);
		if (!engine->nodes[index].used)
			return;
	}
}

static void
on_endpoint(struct engine *engine, const struct engine_endpoint *config)
{
	uint32_t index = node_find(engine, config->id);
	if (index == MAP_ABSENT) {
		if (config->status == ENGINE_GONE)
			return;
		index = node_make(engine, config);
		refill_consider(engine, index);
		return;
	}
	struct node *node = &engine->nodes[index];
	bool was_active = node->config.status == ENGINE_ACTIVE, reordered = node->config.order != config->order;
	if (reordered && was_active)
		let_go(engine, index);
	node = &engine->nodes[index];
	node->config = *config;
	if (config->status == ENGINE_ACTIVE) {
		if (!was_active || reordered) {
			/* Nothing is known of what waits in the store: it is read from the start. */
			flow_begin(engine, node);
			node->spill = (struct engine_due){{0}, 0};
			refill_consider(engine, index);
		}
		turns_update(engine, index);
		return;
	}
	turns_update(engine, index);
	if (was_active)
		let_go(engine, index);
	node = &engine->nodes[index];
	if (config->status == ENGINE_GONE && node->used && node->held == 0)
		node_drop(engine, index);
}

static void
on_added(struct engine *engine, const struct engine_delivery *delivery)
{
	uint32_t index = node_find(engine, delivery->endpoint);
	if (index == MAP_ABSENT || engine->nodes[index].config.status != ENGINE_ACTIVE) {
		/* Becoming active reads the store from the start. */
		forget(engine, delivery);
		return;
	}
	uint32_t slot = map_get(&engine->by_delivery, delivery->endpoint.value, delivery->message.value);
	if (slot != MAP_ABSENT) {
		/* A person asked for it again while it waits: now. */
		if (engine->held[slot].state == HELD_WAITING) {
			engine->held[slot].generation++;
			make_ready(engine, slot);
		}
		forget(engine, delivery);
		return;
	}
	if (has_backlog(engine, &engine->nodes[index])) {
		/* It must not overtake what waits in the store. */
		spill(engine, index, position(delivery));
		forget(engine, delivery);
		return;
	}
	admit(engine, index, delivery);
}

static void
on_refilled(struct engine *engine, const struct engine_event *event)
{
	ENSURE(engine->refills_out > 0);
	engine->refills_out--;
	uint32_t index = node_find(engine, event->delivery.endpoint);
	bool wanted = index != MAP_ABSENT && engine->nodes[index].refilling;
	if (wanted) {
		struct node *node = &engine->nodes[index];
		node->refilling = false;
		if (due_compare(event->next, node->spill) < 0)
			node->spill = event->next;
		/* In order, rows must not go before what lies in the store in front of them (since the endpoint became
		 * active again, or something was asked for again, while the refill was on its way): the spill covers both. */
		bool overtakes = node->config.order != ORDER_NONE && due_compare(node->spill, node->refill_from) < 0;
		if (overtakes)
			refill_consider(engine, index);
		wanted = node->config.status == ENGINE_ACTIVE && !overtakes;
	}
	for (size_t i = 0; i < event->row_count; i++) {
		const struct engine_delivery *row = &event->rows[i];
		if (!wanted || map_get(&engine->by_delivery, row->endpoint.value, row->message.value) != MAP_ABSENT)
			forget(engine, row);
		else
			admit(engine, index, row);
	}
	if (wanted)
		refill_consider(engine, index);
}

static void
on_refill_failed(struct engine *engine, struct endpoint_id endpoint)
{
	ENSURE(engine->refills_out > 0);
	engine->refills_out--;
	uint32_t index = node_find(engine, endpoint);
	if (index == MAP_ABSENT || !engine->nodes[index].refilling)
		return;
	struct node *node = &engine->nodes[index];
	node->refilling = false;
	node->spill = due_compare(node->refill_from, node->spill) < 0 ? node->refill_from : node->spill;
	node->refill_generation++;
	heap_push(&engine->refills,
	    (struct heap_entry){engine->now.us + REFILL_PAUSE_MS * 1000, 0, index, node->refill_generation});
}

static int64_t
with_jitter(int64_t delay_ms, int32_t permille, uint64_t random)
{
	int64_t spread_us = delay_ms * permille; /* a thousandth of delay_ms in microseconds is delay_ms */
	int64_t delay_us = delay_ms * 1000;
	return spread_us == 0 ? delay_us : delay_us - spread_us + (int64_t)(random % (uint64_t)(2 * spread_us + 1));
}

enum { STATUS_GONE = 410 };

static void
judge_delivery(struct engine *engine, struct held *held, const struct node *node, const struct engine_event *event)
{
	const struct schedule *schedule = &node->config.schedule;
	if (event->succeeded) {
		held->verdict = DELIVERY_DELIVERED;
		return;
	}
	if (event->final) {
		held->verdict = DELIVERY_EXHAUSTED;
		return;
	}
	bool manual = held->delivery.trigger == TRIGGER_MANUAL, gone = event->status_code == STATUS_GONE;
	if (!gone && (manual || (size_t)held->delivery.attempts > schedule->count)) {
		held->verdict = DELIVERY_EXHAUSTED;
		return;
	}
	/* Gone suspends the endpoint: the delivery is held, also when its schedule is at its end. */
	held->verdict = DELIVERY_PENDING;
	size_t step =
	    (size_t)held->delivery.attempts <= schedule->count ? (size_t)held->delivery.attempts : schedule->count;
	int64_t delay_ms = step == 0 ? 0 : schedule->delay_ms[step - 1];
	int64_t pause_ms = event->retry_after_ms < engine->options.retry_after_max_ms
			       ? event->retry_after_ms
			       : engine->options.retry_after_max_ms;
	held->again.us = engine->now.us + with_jitter(delay_ms, schedule->jitter_permille, event->random);
	if (held->again.us < engine->now.us + pause_ms * 1000)
		held->again.us = engine->now.us + pause_ms * 1000;
	/* In order, the place in the store is that of its acceptance (engine.h). */
	if (node->config.order == ORDER_NONE)
		held->delivery.due = held->again;
}

/* How often the endpoint's failing should have been announced by now. The second time is late enough to be heard as the
 * last call, and early enough for somebody to act. */
static int32_t
warnings_due(const struct engine *engine, const struct node *node)
{
	const struct engine_options *options = &engine->options;
	int64_t limit_us = options->suspend_after_ms * 1000,
		failing_us = engine->now.us - node->config.failing_since.us;
	int64_t first_us = limit_us / 100 * options->warn_share_percent;
	if (limit_us > 0 && failing_us >= limit_us - (limit_us - first_us) / 4)
		return 2;
	bool many = options->warn_failures > 0 && node->failures >= options->warn_failures;
	return many || (limit_us > 0 && failing_us >= first_us) ? 1 : 0;
}

/* No endpoint is suspended that was not announced as failing: where an attempt comes so late that it would be, it is
 * announced now and suspended with the next failure. */
static void
judge_failing(struct engine *engine, struct node *node, struct engine_action *record)
{
	int64_t limit_us = engine->options.suspend_after_ms * 1000;
	bool over = limit_us > 0 && engine->now.us - node->config.failing_since.us >= limit_us;
	int32_t due = warnings_due(engine, node);
	if (over && node->config.warned > 0)
		record->suspend = true;
	else if (due > node->config.warned)
		record->warn = node->config.warned = due;
	if (limit_us > 0)
		record->suspends_at.us = node->config.failing_since.us + limit_us;
}

static void
judge_endpoint(struct engine *engine, struct node *node, const struct engine_event *event, struct engine_action *record)
{
	/* What is final is about the one delivery: the endpoint works. */
	bool succeeded = event->succeeded || event->final;
	struct wall_time since = node->config.failing_since;
	record->suspend = event->status_code == STATUS_GONE && !event->final;
	if (succeeded && since.us != 0) {
		node->config.failing_since = WALL_NONE;
		node->config.warned = 0;
		record->set_failing = true;
	} else if (!succeeded && since.us == 0) {
		node->config.failing_since = engine->now;
		record->set_failing = true;
	} else if (!succeeded) {
		judge_failing(engine, node, record);
	}
	record->failing_since = node->config.failing_since;
}

static void
on_attempted(struct engine *engine, const struct engine_event *event)
{
	uint32_t slot = map_get(&engine->by_delivery, event->delivery.endpoint.value, event->delivery.message.value);
	ENSURE(slot != MAP_ABSENT && engine->held[slot].state == HELD_FLYING);
	struct held *held = &engine->held[slot];
	struct node *node = &engine->nodes[held->endpoint];
	held_move(engine, slot, HELD_RECORDING);
	flow_judge(engine, held->endpoint, event);
	turns_update(engine, held->endpoint);
	held->delivery.attempts++;
	judge_delivery(engine, held, node, event);
	struct engine_action *record = action_add(engine, ENGINE_RECORD);
	record->delivery = held->delivery;
	record->state = held->verdict;
	judge_endpoint(engine, node, event, record);
}

static void
on_recorded(struct engine *engine, const struct engine_event *event)
{
	uint32_t slot = map_get(&engine->by_delivery, event->delivery.endpoint.value, event->delivery.message.value);
	ENSURE(slot != MAP_ABSENT && engine->held[slot].state == HELD_RECORDING);
	struct held *held = &engine->held[slot];
	uint32_t index = held->endpoint;
	bool again = held->verdict == DELIVERY_PENDING && !event->unwanted &&
		     engine->nodes[index].config.status == ENGINE_ACTIVE;
	if (again && (held->in_line || keeps(engine, held->again))) {
		wait_until(engine, slot, held->again);
		return;
	}
	if (again)
		spill(engine, index, position(&held->delivery));
	leave(engine, slot);
}

/* What is on its way cannot be taken back; that it is not to be tried again comes with its record. */
static void
on_cancelled(struct engine *engine, const struct engine_delivery *delivery)
{
	uint32_t slot = map_get(&engine->by_delivery, delivery->endpoint.value, delivery->message.value);
	if (slot == MAP_ABSENT)
		return;
	enum held_state state = engine->held[slot].state;
	if (state == HELD_FLYING || state == HELD_RECORDING)
		return;
	if (state == HELD_BLOCKED)
		order_cuts_out(engine, slot);
	leave(engine, slot);
}

/* --- what follows from any event -------------------------------------------------------------------- */

static void
wake_due(struct engine *engine)
{
	for (const struct heap_entry *top; (top = heap_top(&engine->due)) != NULL;) {
		struct held *held = &engine->held[top->item];
		bool stale = held->generation != top->generation || held->state != HELD_WAITING;
		if (!stale && top->key > engine->now.us)
			return;
		uint32_t slot = top->item;
		heap_pop(&engine->due);
		if (!stale)
			make_ready(engine, slot);
	}
}

static void
send_ready(struct engine *engine)
{
	while (engine->flying < (uint32_t)engine->options.in_flight_max) {
		uint32_t index = turns_next(engine);
		if (index == NONE)
			return;
		uint32_t slot = engine->nodes[index].ready_first;
		ready_remove(engine, slot);
		held_move(engine, slot, HELD_FLYING);
		flow_sent(engine, &engine->nodes[index]);
		turns_update(engine, index);
		action_add(engine, ENGINE_SEND)->delivery = engine->held[slot].delivery;
	}
}

static bool
refill_possible(const struct engine *engine)
{
	return engine->refills_out < REFILLS_AT_ONCE && !is_full(engine);
}

static void
refill_due(struct engine *engine)
{
	while (refill_possible(engine)) {
		const struct heap_entry *top = heap_top(&engine->refills);
		if (top == NULL)
			return;
		struct node *node = &engine->nodes[top->item];
		bool stale = top->generation != node->refill_generation;
		if (!stale && top->key > engine->now.us)
			return;
		heap_pop(&engine->refills);
		if (stale || !node->used || node->config.status != ENGINE_ACTIVE || node->refilling)
			continue;
		struct engine_action *action = action_add(engine, ENGINE_REFILL);
		action->delivery.endpoint = node->config.id;
		action->from = node->spill;
		action->until.us = engine->now.us + engine->options.keep_ms * 1000;
		action->limit = engine->options.refill_limit;
		node->refilling = true;
		node->refill_from = node->spill;
		node->spill = (struct engine_due){WALL_NEVER, 0};
		engine->refills_out++;
	}
}

/* The clock was set back: what waits for a time that was made up here (a pause, a rate, a retried refill) is moved
 * with it, or an hour's step would stop an endpoint for an hour. Due times are the store's, and stay. */
static void
set_back(struct engine *engine, int64_t by_us)
{
	for (uint32_t i = 0; i < engine->node_count; i++) {
		if (!engine->nodes[i].used)
			continue;
		flow_set_back(&engine->nodes[i], by_us);
		turns_update(engine, i);
		refill_consider(engine, i);
	}
}

void
engine_step(
    struct engine *engine, struct wall_time now, const struct engine_event *event, struct engine_actions *actions)
{
	int64_t back_us = engine->now.us - now.us;
	engine->now = now;
	engine->actions = actions;
	if (back_us > 0)
		set_back(engine, back_us);
	switch (event->kind) {
	case ENGINE_TICK: break;
	case ENGINE_ENDPOINT: on_endpoint(engine, &event->endpoint); break;
	case ENGINE_ADDED: on_added(engine, &event->delivery); break;
	case ENGINE_REFILLED: on_refilled(engine, event); break;
	case ENGINE_REFILL_FAILED: on_refill_failed(engine, event->delivery.endpoint); break;
	case ENGINE_ATTEMPTED: on_attempted(engine, event); break;
	case ENGINE_RECORDED: on_recorded(engine, event); break;
	case ENGINE_CANCELLED: on_cancelled(engine, &event->delivery); break;
	}
	wake_due(engine);
	flow_wake(engine);
	send_ready(engine);
	refill_due(engine);
}

struct wall_time
engine_next(const struct engine *engine)
{
	struct wall_time next = WALL_NEVER;
	const struct heap_entry *due = heap_top(&engine->due);
	if (due != NULL)
		next.us = due->key;
	const struct heap_entry *wake = heap_top(&engine->wakes);
	if (wake != NULL && wake->key < next.us)
		next.us = wake->key;
	const struct heap_entry *refill = heap_top(&engine->refills);
	if (refill != NULL && refill_possible(engine) && refill->key < next.us)
		next.us = refill->key;
	return next;
}

struct engine_counts
engine_counts(const struct engine *engine)
{
	return (struct engine_counts){engine->by_endpoint.count, engine->waiting, engine->ready, engine->flying,
	    engine->recording, engine->blocked};
}

void
engine_check(const struct engine *engine)
{
	uint32_t states[HELD_STATE_COUNT] = {0};
	size_t bytes = 0;
	for (uint32_t i = 0; i < engine->held_count; i++) {
		const struct held *held = &engine->held[i];
		states[held->state]++;
		if (held->state == HELD_FREE)
			continue;
		bytes += held->delivery.bytes;
		ENSURE(map_get(&engine->by_delivery, held->delivery.endpoint.value, held->delivery.message.value) == i);
		ENSURE(engine->nodes[held->endpoint].used);
	}
	ENSURE(states[HELD_WAITING] == engine->waiting && states[HELD_READY] == engine->ready);
	ENSURE(states[HELD_FLYING] == engine->flying && states[HELD_RECORDING] == engine->recording);
	ENSURE(states[HELD_BLOCKED] == engine->blocked);
	ENSURE(bytes == engine->bytes);
	ENSURE(engine->in_memory == engine->by_delivery.count && engine->in_memory <= engine->options.deliveries_max);
	for (uint32_t i = 0; i < engine->node_count; i++) {
		const struct node *node = &engine->nodes[i];
		if (!node->used)
			continue;
		uint32_t ready = 0;
		for (uint32_t slot = node->ready_first; slot != NONE; slot = engine->held[slot].next)
			ready++;
		ENSURE(node->held <= engine->options.window && ready <= node->held);
		bool could = node->config.status == ENGINE_ACTIVE && ready > 0 && flow_allows(engine, node);
		ENSURE(could == (node->ring.next != NONE));
	}
}
