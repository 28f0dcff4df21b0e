/* Keeps HISTORY_ACTIVE affairs under way, takes the one that is due next, moves what its step moves, and has it
 * written down. When an affair ends, its place goes to a new one; so memory stays and the history never ends. */
#include "catalogue/history_parts.h"

#include "base/limits.h"

enum { SUBJECT_MAIN, SUBJECT_WORKFLOW, SUBJECT_SCREENING };

/* 2025-01-01T00:00:00Z */
static const struct wall_time default_start = {1735689600000000};

static unsigned
scenario_draw(struct random *random)
{
	unsigned total = 0;
	for (size_t i = 0; i < history_scenario_count; i++)
		total += history_scenarios[i].weight;
	uint64_t at = random_below(random, total);
	for (unsigned i = 0; i < history_scenario_count; i++) {
		if (at < history_scenarios[i].weight)
			return i;
		at -= history_scenarios[i].weight;
	}
	UNREACHABLE();
}

/* What the first generation knew deposits and internal transfers of is Bitcoin and Ethereum; later ones know all. */
static bool
asset_fits(const struct history_asset *asset, enum history_direction direction)
{
	switch (direction) {
	case DIRECTION_IN: return asset->family == FAMILY_BITCOIN || asset->family == FAMILY_EVM;
	case DIRECTION_INTERNAL:
	case DIRECTION_NONE: return slice_is(SLICE("eip155:1"), asset->network);
	case DIRECTION_OUT: return true;
	}
	UNREACHABLE();
}

static int64_t
step_wait_ms(struct random *random, const struct history_step *step, const struct history_asset *asset)
{
	uint64_t unit = step->in_blocks ? (uint64_t)asset->block_ms : 1000;
	return (int64_t)(step->wait_min * unit + random_below(random, (step->wait_max - step->wait_min) * unit + 1));
}

static void
case_begin(struct history *history, struct history_case *slot, int64_t now_ms)
{
	struct random *random = &history->random;
	*slot = (struct history_case){.seed = random_next(random), .scenario = scenario_draw(random)};
	const struct history_scenario *scenario = &history_scenarios[slot->scenario];
	do
		slot->asset = (unsigned)random_below(random, history_asset_count);
	while (!asset_fits(&history_assets[slot->asset], scenario->direction));
	/* About one new affair a minute. */
	int64_t pause_ms = (int64_t)random_below(random, 60000 * HISTORY_ACTIVE);
	slot->due_ms = now_ms + pause_ms + step_wait_ms(random, &scenario->steps[0], &history_assets[slot->asset]);
}

void
history_init(struct history *history, uint64_t seed, const struct history_options *options)
{
	*history = (struct history){.options = *options};
	struct history_options *own = &history->options;
	if (!slice_present(own->organisation))
		own->organisation = SLICE("org_example");
	if (!slice_present(own->environment))
		own->environment = SLICE("sandbox");
	if (own->start.us == WALL_NONE.us)
		own->start = default_start;
	/* FNV-1a: organisations must not share ids. */
	uint64_t mixed = 0xcbf29ce484222325u;
	for (size_t i = 0; i < own->organisation.len; i++)
		mixed = (mixed ^ (unsigned char)own->organisation.ptr[i]) * 0x100000001b3u;
	random_seed(&history->random, seed ^ mixed);
	for (size_t i = 0; i < HISTORY_ACTIVE; i++)
		case_begin(history, &history->active[i], 0);
}

static struct history_case *
case_due(struct history *history)
{
	struct history_case *first = &history->active[0];
	for (size_t i = 1; i < HISTORY_ACTIVE; i++)
		if (history->active[i].due_ms < first->due_ms)
			first = &history->active[i];
	return first;
}

static void
case_advance(struct history *history, struct history_case *slot)
{
	const struct history_scenario *scenario = &history_scenarios[slot->scenario];
	slot->step++;
	if (slot->step == scenario->step_count)
		case_begin(history, slot, slot->due_ms);
	else
		slot->due_ms +=
		    step_wait_ms(&history->random, &scenario->steps[slot->step], &history_assets[slot->asset]);
}

static unsigned
subject_of(struct slice type)
{
	if (slice_starts(type, SLICE("workflow.")))
		return SUBJECT_WORKFLOW;
	return slice_starts(type, SLICE("compliance.")) ? SUBJECT_SCREENING : SUBJECT_MAIN;
}

/* Where the transaction stands on its chain after this event. */
static void
move_chain(struct history_case *slot, struct slice type, const struct history_asset *asset)
{
	if (slice_is(type, "transaction.request.submitted") || slice_is(type, "transaction.deposit.detected") ||
	    slice_is(type, "transaction.internal_transfer.detected"))
		slot->on_chain = true;
	if (slice_is(type, "transaction.request.confirming") || slice_is(type, "transaction.deposit.confirmed") ||
	    slice_is(type, "transaction.internal_transfer.confirmed"))
		slot->block_height = asset->block_start + slot->due_ms / asset->block_ms;
	if (slice_is(type, "transaction.request.replaced"))
		slot->hash_number++;
	if (slice_is(type, "transaction.request.reorged") || slice_is(type, "transaction.deposit.reorged")) {
		slot->block_height = 0;
		slot->block_number++;
	}
}

/* Moves the states; what `status` and `previous_status` say is the transaction's for a screening. */
static void
move_states(struct history_case *slot, struct history_moment *moment)
{
	const struct catalogue_type *type = moment->type;
	unsigned subject = moment->subject;
	unsigned shown = subject == SUBJECT_SCREENING ? SUBJECT_MAIN : subject;
	moment->previous_status = slot->status[shown];
	if (slice_present(type->state))
		slot->status[subject] = type->state;
	if (subject == SUBJECT_SCREENING && slice_present(type->transaction_state))
		slot->status[SUBJECT_MAIN] = type->transaction_state;
	moment->status = slot->status[shown];
	slot->resource_seq[subject]++;
	if (moment->step->note != NULL && strcmp(moment->step->note, "approve") == 0)
		slot->votes++;
	move_chain(slot, type->name, moment->asset);
}

static struct history_moment
moment_make(struct history *history, struct history_case *slot, struct arena *arena)
{
	const struct history_scenario *scenario = &history_scenarios[slot->scenario];
	const struct history_step *step = &scenario->steps[slot->step];
	struct random delay = history_derive(slot, VALUE_DELAY, slot->step);
	struct history_moment moment = {
	    .options = &history->options,
	    .of = slot,
	    .scenario = scenario,
	    .step = step,
	    .asset = &history_assets[slot->asset],
	    .type = catalogue_find(slice_of(step->type)),
	    .event_id = history_uuid(slot, VALUE_EVENT, slot->step, arena),
	    .occurred_ms = slot->due_ms,
	    .occurred_at = {history->options.start.us + slot->due_ms * 1000},
	};
	ENSURE(moment.type != NULL);
	moment.created_at.us = moment.occurred_at.us + 1000 * (int64_t)(20 + random_below(&delay, 400));
	moment.subject = subject_of(moment.type->name);
	if (scenario->direction != DIRECTION_NONE)
		moment.transaction_id = history_uuid(slot, VALUE_RESOURCE, 0, arena);
	move_states(slot, &moment);
	return moment;
}

static void
event_write(struct history *history, struct history_moment *moment, struct arena *arena, struct history_event *out)
{
	bool dotted = history->options.style == HISTORY_DOTTED;
	struct buf body;
	buf_init(&body, LIMIT_BODY_BYTES);
	if (dotted) {
		moment->stream_seq = ++history->stream_seq;
		history_write_dotted(moment, arena, &body);
	} else {
		history_write_legacy(moment, arena, &body);
	}
	ENSURE(!body.overflow);
	*out = (struct history_event){
	    .type = dotted ? moment->type->name : history_legacy_name(moment),
	    .catalogue_type = moment->type->name,
	    .event_id = moment->event_id,
	    .transaction_id = moment->transaction_id,
	    .state = slice_present(moment->transaction_id) ? moment->of->status[SUBJECT_MAIN] : SLICE_NONE,
	    .occurred_ms = moment->occurred_ms,
	    .occurred_at = moment->occurred_at,
	    .stream_seq = moment->stream_seq,
	    .payload = arena_copy(arena, buf_slice(&body)),
	};
	buf_free(&body);
}

bool
history_next(struct history *history, struct arena *arena, struct history_event *out)
{
	if (history->options.count_max != 0 && history->given >= history->options.count_max)
		return false;
	for (;;) {
		struct history_case *slot = case_due(history);
		struct history_moment moment = moment_make(history, slot, arena);
		bool told = history->options.style == HISTORY_DOTTED || slice_present(history_legacy_name(&moment));
		if (told)
			event_write(history, &moment, arena, out);
		case_advance(history, slot);
		if (told)
			break;
	}
	history->given++;
	return true;
}
