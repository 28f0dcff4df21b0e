/* Breaks that are kept: what a reconciliation found, over its runs, and what people did about it.
 *
 *        found                       found again
 *   ┌──────▼────┐◀───────────────────────────────────────────────┐
 *   │   OPEN    │──▶ INVESTIGATING ──▶ FALSE_POSITIVE             │
 *   └─────┬─────┘         │       └──▶ ADJUSTED, WRITTEN_OFF: one proposes, another one confirms
 *         └───────────────┴──no longer found──▶ MATCHED ──────────┘
 *
 * A break keeps its id, its age and its history over all runs. One that a run no longer finds is matched, by itself. One
 * that is closed and found again is open again; but what somebody has accepted (written off, a false positive) stays
 * closed for as long as every run finds the same of it.
 *
 * Pure: what is decided about one break is here, the stores do it. */
#ifndef STORE_BREAK_H
#define STORE_BREAK_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "json/json.h"

/* The numbers stand in databases; the open ones come first. */
enum break_state {
	BREAK_STATE_OPEN,
	BREAK_STATE_INVESTIGATING,
	BREAK_STATE_MATCHED,
	BREAK_STATE_ADJUSTED,
	BREAK_STATE_WRITTEN_OFF,
	BREAK_STATE_FALSE_POSITIVE,
	BREAK_STATE_COUNT, /* also: none */
};

const char *break_state_name(enum break_state state);
MUST_CHECK bool break_state_parse(struct slice name, enum break_state *out);
bool break_state_open(enum break_state state);
/* Whether a person may take it from one to the other. */
bool break_may_move(enum break_state from, enum break_state to);
/* Whether it takes two persons to bring a break there. */
bool break_takes_two(enum break_state to);

/* What happened to a break. */
enum break_act {
	BREAK_ACT_FOUND,
	BREAK_ACT_GONE,
	BREAK_ACT_MOVED,
	BREAK_ACT_PROPOSED,
	BREAK_ACT_CONFIRMED,
	BREAK_ACT_FOUND_AGAIN,
	BREAK_ACT_COUNT,
};

const char *break_act_name(enum break_act act);

struct store_break_move {
	int64_t number; /* of the break's history, from 1 */
	struct wall_time at;
	enum break_act act;
	enum break_state from, to;
	struct slice actor, reason;
};

struct store_break {
	int64_t number; /* of the row, rising */
	struct slice id, class, severity, match_key, detail;
	struct slice sides[3];	/* what journal, custodian and ledger say: JSON objects; absent: nothing */
	struct wall_time since; /* of the fault, where the sources tell; 0: unknown */
	struct wall_time first_seen, last_seen, changed;
	int64_t run; /* the last one that found it */
	enum break_state state;
	enum break_state proposed; /* by `proposer`, for another one to confirm; COUNT: nothing is */
	struct slice proposer;
	int64_t moves; /* in its history */
	bool fresh;    /* out of STORE_BREAK_SEEN: it is new, or open again */
};

/* Slices are copied into `arena`. */
struct store_break break_copy(struct arena *arena, const struct store_break *from);
struct store_break_move break_move_copy(struct arena *arena, const struct store_break_move *from);

/* A run found it. `known` is the row, or NULL; `absent`: a run between did not find it. Fills `out` with what becomes of
 * the row, whose slices are borrowed from both; true: `move` is a line of its history. */
MUST_CHECK bool break_meet(const struct store_break *known, const struct store_break *found, bool absent,
    struct wall_time now, struct store_break *out, struct store_break_move *move);
/* A run that looked at everything did not find it. */
void break_leave(struct store_break *row, struct wall_time now, struct store_break_move *move);
/* A person's wish. ERR_CONFLICT: that move is not there; ERR_FORBIDDEN: another person has to confirm. */
MUST_CHECK enum error_code break_decide(struct store_break *row, enum break_state to, struct slice actor,
    struct slice reason, struct wall_time now, struct store_break_move *move, struct error *error);

/* Open breaks of one kind. */
struct store_break_count {
	struct slice class, severity;
	int age; /* 0: under 1 h, 1: 1-24 h, 2: 1-3 d, 3: 3-7 d, 4: over 7 d, since it was found first */
	int64_t count;
};

enum { BREAK_AGES = 5 };
/* Seconds below which an age is of the bucket before; of bucket i + 1 it begins at bounds[i]. */
extern const int64_t break_age_bounds[BREAK_AGES - 1];
int break_age_bucket(int64_t seconds);

/* --- what people write and read (break_show.c) -------------------------------------------------------- */

enum { BREAK_REASON_BYTES_MAX = 1000 };

/* What a person wants to become of a break. Errors name what was given behind `dash` ("--to", "to"). */
MUST_CHECK enum error_code break_wish_parse(
    struct slice to, struct slice reason, const char *dash, enum break_state *out, struct error *error);
/* "all", "closed", or states separated by commas, as bits. */
MUST_CHECK enum error_code break_states_parse(
    struct slice text, const char *option, unsigned *out, struct error *error);
int64_t break_age_seconds(const struct store_break *row, struct wall_time now);
extern const char *const break_side_names[3];
/* The members of a break, and its history, into an object that is open. */
void break_put(struct json_writer *writer, const struct store_break *row, struct wall_time now);
void break_put_history(struct json_writer *writer, const struct store_break_move *moves, size_t count);

/* A run that looked at everything. */
struct store_break_run {
	int64_t run; /* rising with time */
	struct wall_time as_of, at;
	int64_t matched, found, opened, reopened, closed;
};

void break_put_run(struct json_writer *writer, const struct store_break_run *run);

#endif
