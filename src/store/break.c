#include "store/break.h"

static const struct {
	const char *name;
	bool open, takes_two;
	unsigned to; /* bit: a person may take it there */
} states[BREAK_STATE_COUNT] = {
    [BREAK_STATE_OPEN] = {"open", true, false,
	1u << BREAK_STATE_INVESTIGATING | 1u << BREAK_STATE_ADJUSTED | 1u << BREAK_STATE_WRITTEN_OFF |
	    1u << BREAK_STATE_FALSE_POSITIVE},
    [BREAK_STATE_INVESTIGATING] = {"investigating", true, false,
	1u << BREAK_STATE_OPEN | 1u << BREAK_STATE_ADJUSTED | 1u << BREAK_STATE_WRITTEN_OFF |
	    1u << BREAK_STATE_FALSE_POSITIVE},
    [BREAK_STATE_MATCHED] = {"matched", false, false, 0},
    [BREAK_STATE_ADJUSTED] = {"adjusted", false, true, 1u << BREAK_STATE_OPEN},
    [BREAK_STATE_WRITTEN_OFF] = {"written_off", false, true, 1u << BREAK_STATE_OPEN},
    [BREAK_STATE_FALSE_POSITIVE] = {"false_positive", false, false, 1u << BREAK_STATE_OPEN},
};

static const char *const acts[BREAK_ACT_COUNT] = {
    [BREAK_ACT_FOUND] = "found",
    [BREAK_ACT_GONE] = "gone",
    [BREAK_ACT_MOVED] = "moved",
    [BREAK_ACT_PROPOSED] = "proposed",
    [BREAK_ACT_CONFIRMED] = "confirmed",
    [BREAK_ACT_FOUND_AGAIN] = "found_again",
};

const int64_t break_age_bounds[BREAK_AGES - 1] = {3600, 86400, INT64_C(3) * 86400, INT64_C(7) * 86400};

const char *
break_state_name(enum break_state state)
{
	ENSURE(state < BREAK_STATE_COUNT);
	return states[state].name;
}

bool
break_state_parse(struct slice name, enum break_state *out)
{
	for (enum break_state state = 0; state < BREAK_STATE_COUNT; state++) {
		if (slice_is(name, states[state].name)) {
			*out = state;
			return true;
		}
	}
	return false;
}

bool
break_state_open(enum break_state state)
{
	return state < BREAK_STATE_COUNT && states[state].open;
}

bool
break_may_move(enum break_state from, enum break_state to)
{
	ENSURE(from < BREAK_STATE_COUNT && to < BREAK_STATE_COUNT);
	return (states[from].to & 1u << to) != 0;
}

bool
break_takes_two(enum break_state to)
{
	ENSURE(to < BREAK_STATE_COUNT);
	return states[to].takes_two;
}

const char *
break_act_name(enum break_act act)
{
	ENSURE(act < BREAK_ACT_COUNT);
	return acts[act];
}

int
break_age_bucket(int64_t seconds)
{
	int bucket = 0;
	while (bucket < BREAK_AGES - 1 && seconds >= break_age_bounds[bucket])
		bucket++;
	return bucket;
}

struct store_break
break_copy(struct arena *arena, const struct store_break *from)
{
	struct store_break copy = *from;
	struct slice *texts[] = {&copy.id, &copy.class, &copy.severity, &copy.match_key, &copy.detail, &copy.proposer};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*texts[i] = arena_copy(arena, *texts[i]);
	for (size_t i = 0; i < COUNT_OF(copy.sides); i++)
		copy.sides[i] = arena_copy(arena, copy.sides[i]);
	return copy;
}

struct store_break_move
break_move_copy(struct arena *arena, const struct store_break_move *from)
{
	struct store_break_move copy = *from;
	copy.actor = arena_copy(arena, from->actor);
	copy.reason = arena_copy(arena, from->reason);
	return copy;
}

/* A line of the history that the row is about to have. */
static void
note(struct store_break *row, enum break_act act, enum break_state to, struct wall_time now, struct slice actor,
    struct slice reason, struct store_break_move *move)
{
	*move = (struct store_break_move){
	    .number = ++row->moves,
	    .at = now,
	    .act = act,
	    .from = row->state,
	    .to = to,
	    .actor = actor,
	    .reason = reason,
	};
	row->changed = now;
}

static bool
same_text(struct slice a, struct slice b)
{
	return slice_present(a) == slice_present(b) && (!slice_present(a) || slice_equal(a, b));
}

/* Severity rises with age, and detail is made of the rest. */
static bool
says_the_same(const struct store_break *a, const struct store_break *b)
{
	bool same = same_text(a->match_key, b->match_key) && same_text(a->class, b->class);
	for (size_t i = 0; i < COUNT_OF(a->sides); i++)
		same &= same_text(a->sides[i], b->sides[i]);
	return same;
}

static bool
accepted(enum break_state state)
{
	return state == BREAK_STATE_WRITTEN_OFF || state == BREAK_STATE_FALSE_POSITIVE;
}

bool
break_meet(const struct store_break *known, const struct store_break *found, bool absent, struct wall_time now,
    struct store_break *out, struct store_break_move *move)
{
	static const struct slice system = {"reconciliation", 14};
	*out = *found;
	out->last_seen = now;
	if (known == NULL) {
		out->first_seen = now;
		out->state = BREAK_STATE_OPEN;
		out->proposed = BREAK_STATE_COUNT;
		out->proposer = SLICE_NONE;
		out->moves = 0;
		note(out, BREAK_ACT_FOUND, BREAK_STATE_OPEN, now, system, found->detail, move);
		return true;
	}
	out->number = known->number;
	out->first_seen = known->first_seen;
	out->changed = known->changed;
	out->state = known->state;
	out->proposed = known->proposed;
	out->proposer = known->proposer;
	out->moves = known->moves;
	out->run = known->run > found->run ? known->run : found->run;
	if (known->since.us != 0 && (out->since.us == 0 || known->since.us < out->since.us))
		out->since = known->since;
	if (break_state_open(known->state)) {
		/* What was proposed was so of what the break was then: nobody may confirm it of another. */
		if (known->proposed != BREAK_STATE_COUNT && !says_the_same(known, found)) {
			out->proposed = BREAK_STATE_COUNT;
			out->proposer = SLICE_NONE;
		}
		return false;
	}
	if (accepted(known->state) && !absent && says_the_same(known, found))
		return false;
	note(out, BREAK_ACT_FOUND_AGAIN, BREAK_STATE_OPEN, now, system, found->detail, move);
	out->state = BREAK_STATE_OPEN;
	return true;
}

void
break_leave(struct store_break *row, struct wall_time now, struct store_break_move *move)
{
	ENSURE(break_state_open(row->state));
	note(row, BREAK_ACT_GONE, BREAK_STATE_MATCHED, now, SLICE("reconciliation"),
	    SLICE("the sources agree: a run that looked at everything did not find it"), move);
	row->state = BREAK_STATE_MATCHED;
	row->proposed = BREAK_STATE_COUNT;
	row->proposer = SLICE_NONE;
}

static enum error_code
decide_by_two(struct store_break *row, enum break_state to, struct slice actor, struct slice reason,
    struct wall_time now, struct store_break_move *move, struct error *error)
{
	if (row->proposed != to) {
		note(row, BREAK_ACT_PROPOSED, to, now, actor, reason, move);
		row->proposed = to;
		row->proposer = actor;
		return OK;
	}
	if (slice_equal(row->proposer, actor))
		return error_set(error, ERR_FORBIDDEN, "%.*s proposed %s; expected another person to confirm it",
		    SLICE_ARG(actor), break_state_name(to));
	note(row, BREAK_ACT_CONFIRMED, to, now, actor, reason, move);
	row->state = to;
	row->proposed = BREAK_STATE_COUNT;
	row->proposer = SLICE_NONE;
	return OK;
}

enum error_code
break_decide(struct store_break *row, enum break_state to, struct slice actor, struct slice reason,
    struct wall_time now, struct store_break_move *move, struct error *error)
{
	if (to == BREAK_STATE_MATCHED)
		return error_set(
		    error, ERR_CONFLICT, "a break is matched when a run no longer finds it; expected another state");
	if (!break_may_move(row->state, to))
		return error_set(error, ERR_CONFLICT, "a break that is %s cannot become %s",
		    break_state_name(row->state), break_state_name(to));
	if (break_takes_two(to))
		return decide_by_two(row, to, actor, reason, now, move, error);
	/* Whoever moves it elsewhere declines what was proposed. */
	note(row, BREAK_ACT_MOVED, to, now, actor, reason, move);
	row->state = to;
	row->proposed = BREAK_STATE_COUNT;
	row->proposer = SLICE_NONE;
	return OK;
}
