/* The events of each transaction, applied in their order. */
#include "reconcile/journal.h"

#include <stdlib.h>

struct fold {
	const struct states *states;
	struct journal_event *events;
	enum direction direction; /* of the transaction, by its own events before those of cases */
	bool by_number;		  /* all its events have a number of one source */
};

/* The state to which an event may move its transaction; absent: to none. */
static struct slice
target_of(const struct fold *fold, const struct journal_event *event)
{
	const struct catalogue_type *type = event->type;
	if (type == NULL) /* what the catalogue does not know says its state itself */
		return event->values.status == 0 ? SLICE_NONE : fold->states->words[event->values.status].state;
	if (fold->states->resource != NULL) {
		bool own = slice_equal(type->lifecycle, fold->states->resource->name);
		/* Of an endpoint some types tell of a change and leave it to `status` to say what it came to. */
		if (own && fold->states->cycles && !slice_present(type->state) && event->values.status != 0)
			return fold->states->words[event->values.status].state;
		return own ? type->state : SLICE_NONE;
	}
	/* A request to sign has a life of its own, told in the states of a payment that it shares. */
	if (slice_is(type->lifecycle, "message_sign"))
		return slice_is(type->state, "requested") ? SLICE("created") : type->state;
	/* Screening moves deposits; a screened payment goes its own way. */
	if (!event->own && fold->direction != DIRECTION_IN && fold->direction != DIRECTION_UNKNOWN)
		return SLICE_NONE;
	return type->transaction_state;
}

static int
rank_of(const struct fold *fold, const struct journal_event *event)
{
	struct slice target = target_of(fold, event);
	if (!slice_present(target))
		return 0;
	state_word word = states_find(fold->states, target);
	return word == 0 ? 0 : states_of(fold->states, word, fold->direction)->rank;
}

static bool
comes_before(const struct fold *fold, const struct journal_event *a, const struct journal_event *b)
{
	if (fold->by_number)
		return a->stream_seq < b->stream_seq;
	if (a->values.occurred.us != b->values.occurred.us)
		return a->values.occurred.us < b->values.occurred.us;
	return rank_of(fold, a) < rank_of(fold, b);
}

static void
take_members(struct record *record, const struct record *values)
{
	for (size_t i = 0; i < MEMBER_TEXTS; i++)
		if (text_present(values->members[i]))
			record->members[i] = values->members[i];
	if (values->direction != DIRECTION_UNKNOWN)
		record->direction = values->direction;
	if (text_present(values->extra))
		record->extra = values->extra;
}

/* Back on the path after the chain took it back: confirmed or better, or under another hash. */
static void
note_reorganisation(const struct fold *fold, const struct journal_event *event, struct record *record, bool moved)
{
	struct slice type = event->type == NULL ? SLICE_NONE : event->type->name;
	bool says_so = fold->states->words[event->values.status].reorged;
	if (slice_is(type, "transaction.request.reorged") || slice_is(type, "transaction.deposit.reorged") ||
	    slice_is(type, "transaction.request.dropped") || (event->type == NULL && says_so)) {
		record->reorged = true;
	} else if (slice_is(type, "transaction.request.replaced")) {
		record->reorged = false;
	} else if (moved) {
		const struct catalogue_state *now = states_of(fold->states, record->status, fold->direction);
		state_word confirmed = states_find(fold->states, SLICE("confirmed"));
		record->reorged &= now->rank < states_of(fold->states, confirmed, fold->direction)->rank;
	}
}

static void
apply(const struct fold *fold, struct journal_event *event, struct record *record)
{
	take_members(record, &event->values);
	state_word word = states_find(fold->states, target_of(fold, event));
	bool moves = word != 0;
	if (word != 0 && record->status != 0) {
		const struct catalogue_state *old = states_of(fold->states, record->status, fold->direction);
		const struct catalogue_state *next = states_of(fold->states, word, fold->direction);
		bool may_lower = event->type == NULL ? fold->states->words[event->values.status].reorged || next->exit
						     : event->type->may_lower;
		may_lower = may_lower || (fold->states->cycles && !old->exit);
		moves = next->rank > old->rank || (may_lower && next != old);
	}
	if (moves) {
		record->status = word;
		record->occurred = event->values.occurred;
	} else if (record->status == 0 && event->values.occurred.us > record->occurred.us) {
		record->occurred = event->values.occurred; /* the best that is known of one without a state */
	}
	event->moved = moves;
	if (fold->states->resource == NULL)
		note_reorganisation(fold, event, record, moves);
}

/* The direction that the transaction's own types are of, for sources that do not say it. */
static enum direction
direction_by_type(const struct fold *fold, const uint32_t *order, size_t count)
{
	static const struct {
		const char *lifecycle;
		enum direction direction;
	} known[] = {{"deposit", DIRECTION_IN}, {"internal", DIRECTION_INTERNAL}, {"outbound", DIRECTION_OUT}};
	for (size_t k = 0; k < COUNT_OF(known); k++) {
		for (size_t i = 0; i < count; i++) {
			const struct journal_event *event = &fold->events[order[i]];
			if (event->own && event->type != NULL &&
			    slice_is(event->type->transaction_lifecycle, known[k].lifecycle))
				return known[k].direction;
		}
	}
	return DIRECTION_UNKNOWN;
}

static void
fold_one(struct fold *fold, uint32_t *order, size_t count, struct record *record)
{
	struct journal_event *events = fold->events;
	fold->direction = DIRECTION_UNKNOWN;
	fold->by_number = true;
	bool own = false;
	for (size_t i = 0; i < count; i++) {
		const struct journal_event *event = &events[order[i]];
		if (event->values.direction != DIRECTION_UNKNOWN && (!own || event->own)) {
			fold->direction = event->values.direction;
			own = event->own;
		}
		fold->by_number &= event->stream_seq >= 0 && text_equal(event->source, events[order[0]].source);
	}
	enum direction stated = fold->direction;
	if (stated == DIRECTION_UNKNOWN)
		fold->direction = direction_by_type(fold, order, count);
	/* Few events, mostly in order already: insertion keeps those that compare equal as they arrived. */
	for (size_t i = 1; i < count; i++) {
		uint32_t moving = order[i];
		size_t at = i;
		for (; at > 0 && comes_before(fold, &events[moving], &events[order[at - 1]]); at--)
			order[at] = order[at - 1];
		order[at] = moving;
	}
	record->direction = (unsigned char)stated;
	for (size_t i = 0; i < count; i++)
		apply(fold, &events[order[i]], record);
	record->direction = (unsigned char)stated;
}

void
journal_fold_one(
    const struct states *states, struct journal_event *events, uint32_t *order, size_t count, struct record *record)
{
	struct fold fold = {.states = states, .events = events};
	fold_one(&fold, order, count, record);
}

void
journal_fold(const struct states *states, struct journal_event *events, size_t count, struct records *transactions)
{
	/* starts[t]: where the events of transaction t begin in `order`. */
	uint32_t *starts = mem_zero(transactions->count + 2, sizeof starts[0]);
	uint32_t *order = mem_alloc((count + 1) * sizeof order[0]);
	for (size_t i = 0; i < count; i++)
		starts[events[i].transaction + 2]++;
	for (size_t t = 2; t < transactions->count + 2; t++)
		starts[t] += starts[t - 1];
	for (size_t i = 0; i < count; i++)
		order[starts[events[i].transaction + 1]++] = (uint32_t)i;
	struct fold fold = {.states = states, .events = events};
	for (size_t t = 0; t < transactions->count; t++)
		fold_one(&fold, order + starts[t], starts[t + 1] - starts[t], &transactions->items[t]);
	free(starts);
	free(order);
}
