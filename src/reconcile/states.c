#include "reconcile/states.h"

/* The lifecycle of each direction; an unknown direction tries them in this order. */
static const char *const lifecycles[DIRECTION_COUNT] = {NULL, "deposit", "outbound", "internal"};
static const char *const platform_statuses[] = {
    "PENDING", "QUEUED", "SIGNED", "SUBMITTED", "USER_CANCELLED", "BLOCKED", "ERROR"};

struct slice
direction_name(enum direction direction)
{
	switch (direction) {
	case DIRECTION_IN: return SLICE("in");
	case DIRECTION_OUT: return SLICE("out");
	case DIRECTION_INTERNAL: return SLICE("internal");
	case DIRECTION_UNKNOWN:
	case DIRECTION_COUNT: return SLICE_NONE;
	}
	UNREACHABLE();
}

bool
direction_parse(struct slice text, enum direction *out)
{
	for (enum direction d = DIRECTION_IN; d < DIRECTION_COUNT; d++) {
		if (slice_equal(text, direction_name(d))) {
			*out = d;
			return true;
		}
	}
	return false;
}

static const struct catalogue_state *
state_in(enum direction direction, struct slice state)
{
	const struct catalogue_lifecycle *lifecycle = catalogue_lifecycle_find(slice_of(lifecycles[direction]));
	ENSURE(lifecycle != NULL);
	return catalogue_state_find(lifecycle, state);
}

static struct state_meaning *
add(struct states *states, struct slice name, struct slice state)
{
	ENSURE(states->count < STATE_WORDS_MAX);
	struct state_meaning *word = &states->words[states->count++];
	*word = (struct state_meaning){.name = name, .state = state, .reorged = slice_is(state, "dropped")};
	for (enum direction d = DIRECTION_IN; d < DIRECTION_COUNT; d++)
		word->in[d] = state_in(d, state);
	for (enum direction d = DIRECTION_UNKNOWN; d < DIRECTION_COUNT; d++)
		for (enum direction other = DIRECTION_OUT; word->in[d] == NULL && other < DIRECTION_COUNT; other++)
			word->in[d] = word->in[other];
	for (enum direction d = DIRECTION_UNKNOWN; d < DIRECTION_COUNT; d++)
		if (word->in[d] == NULL)
			word->in[d] = word->in[DIRECTION_IN];
	return word;
}

/* What the chain did last; the state is the one to which it sends the transaction back. */
static void
add_event_words(struct states *states)
{
	struct state_meaning *word = add(states, SLICE("reorged"), SLICE("confirming"));
	word->reorged = true;
	word->in[DIRECTION_IN] = state_in(DIRECTION_IN, SLICE("detected"));
	add(states, SLICE("replaced"), SLICE("confirming"));
}

void
states_init(struct states *states)
{
	*states = (struct states){.count = 1};
	for (enum direction d = DIRECTION_IN; d < DIRECTION_COUNT; d++) {
		const struct catalogue_lifecycle *lifecycle = catalogue_lifecycle_find(slice_of(lifecycles[d]));
		ENSURE(lifecycle != NULL);
		for (size_t i = 0; i < lifecycle->state_count; i++)
			if (states_find(states, lifecycle->states[i].name) == 0)
				add(states, lifecycle->states[i].name, lifecycle->states[i].name);
	}
	for (size_t i = 0; i < COUNT_OF(platform_statuses); i++) {
		struct slice name = slice_of(platform_statuses[i]);
		struct slice state = catalogue_platform_status(name);
		ENSURE(slice_present(state));
		add(states, name, state);
	}
	add_event_words(states);
}

void
states_init_resource(struct states *states, const struct catalogue_lifecycle *lifecycle)
{
	*states = (struct states){.count = 1, .resource = lifecycle, .cycles = slice_is(lifecycle->name, "endpoint")};
	for (size_t i = 0; i < lifecycle->state_count; i++) {
		ENSURE(states->count < STATE_WORDS_MAX);
		struct state_meaning *word = &states->words[states->count++];
		*word = (struct state_meaning){.name = lifecycle->states[i].name, .state = lifecycle->states[i].name};
		for (enum direction d = DIRECTION_UNKNOWN; d < DIRECTION_COUNT; d++)
			word->in[d] = &lifecycle->states[i];
	}
}

state_word
states_find(const struct states *states, struct slice name)
{
	for (size_t i = 1; i < states->count; i++)
		if (slice_equal(states->words[i].name, name))
			return (state_word)i;
	return 0;
}

const struct catalogue_state *
states_of(const struct states *states, state_word word, enum direction direction)
{
	return word == 0 ? NULL : states->words[word].in[direction];
}
