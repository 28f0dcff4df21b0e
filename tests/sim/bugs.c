/* Bugs that are planted on purpose: each breaks one promise, and a simulator that does not see it is blind there. They
 * are put around the product wherever that is possible; the one that is not is a switch of the sender. */
#include "sim.h"

#include <stdio.h>

static const char *const names[BUG_COUNT] = {
    [BUG_NONE] = "none",
    /* The client hears of its success before anything is durable. */
    [BUG_REPLY_BEFORE_COMMIT] = "reply-before-commit",
    /* The store does not sync its log. */
    [BUG_SYNCHRONOUS_NORMAL] = "synchronous-normal",
    /* The sender records a success before the answer came. */
    [BUG_DELIVERED_BEFORE_OUTCOME] = "delivered-before-outcome",
    /* A repeated post is not known again. */
    [BUG_KEY_FORGOTTEN] = "key-forgotten",
    /* The store says OK and has not recorded an outcome. */
    [BUG_RECORD_DROPPED] = "record-dropped",
    /* The sender does not hear of a new delivery. */
    [BUG_NOTE_DROPPED] = "note-dropped",
    /* The sender hears of a delivery after what came later. */
    [BUG_NOTE_LATE] = "note-late",
    /* The sender does not hear that an endpoint is held. */
    [BUG_HOLD_UNTOLD] = "hold-untold",
    /* One byte of the body differs from what was posted. */
    [BUG_BYTE_CHANGED] = "byte-changed",
    /* A delivery carries another number than the store gave it. */
    [BUG_NUMBER_WRONG] = "number-wrong",
    /* The sender does not know that an endpoint wants its events in order. */
    [BUG_ORDER_FORGOTTEN] = "order-forgotten",
    /* An endpoint that answered 410 is not suspended. */
    [BUG_GONE_KEPT] = "gone-kept",
    /* The process goes on after a sync that failed. */
    [BUG_SYNC_FORGIVEN] = "sync-forgiven",
};

const char *
bug_name(enum bug bug)
{
	return names[bug];
}

bool
bug_parse(const char *name, enum bug *out)
{
	for (int i = BUG_NONE + 1; i < BUG_COUNT; i++) {
		if (strcmp(name, names[i]) != 0)
			continue;
		*out = (enum bug)i;
		return true;
	}
	return false;
}

bool
bug_strikes(struct world *world, enum bug bug)
{
	enum { ONE_IN = 8 };
	return world->plan.bug == bug && !world->calm && world_chance(world, 1, ONE_IN);
}

void
bug_in_batch(struct world *world, struct store_request *request)
{
	if (world->plan.bug == BUG_KEY_FORGOTTEN)
		request->idempotency.present = false;
	if (world->plan.bug == BUG_GONE_KEPT && request->kind == STORE_RECORD &&
	    request->record.attempt.status_code == 410)
		request->record.suspend = false;
}

bool
bug_swallows(struct world *world, struct store_request *request)
{
	return request->kind == STORE_RECORD && bug_strikes(world, BUG_RECORD_DROPPED);
}

void
bug_in_note(struct world *world, struct store_note *note)
{
	if (note->kind == STORE_NOTE_ENDPOINT) {
		if (world->plan.bug == BUG_HOLD_UNTOLD && note->endpoint->state == ENDPOINT_SUSPENDED)
			note->endpoint->state = ENDPOINT_ACTIVE;
		if (world->plan.bug == BUG_ORDER_FORGOTTEN)
			note->endpoint->order = ORDER_NONE;
	}
	if (note->kind != STORE_NOTE_DELIVERIES || note->target_count == 0)
		return;
	if (bug_strikes(world, BUG_NOTE_DROPPED))
		note->target_count--;
	else if (bug_strikes(world, BUG_NUMBER_WRONG))
		note->targets[0].sequence++;
}

void
bug_in_reply(struct world *world, struct store_request *request)
{
	for (size_t i = 0; request->kind == STORE_ENDPOINTS_ALL && i < request->count; i++)
		if (world->plan.bug == BUG_ORDER_FORGOTTEN)
			request->endpoints[i].order = ORDER_NONE;
}

void
bug_in_transmission(struct world *world, struct transmission *transmission)
{
	if (!bug_strikes(world, BUG_BYTE_CHANGED) || transmission->body.len < 2)
		return;
	char *bytes = arena_alloc(&world->arena, transmission->body.len);
	memcpy(bytes, transmission->body.ptr, transmission->body.len);
	bytes[1] = bytes[1] == ' ' ? '\t' : ' ';
	transmission->body.ptr = bytes;
}
