/* Plausible custody activity from a seed: several transactions interleaved, each event as the custody platform
 * would post it, in the order in which it occurred.
 *
 * Pure: no clock, no randomness of its own, no I/O. The same seed and options give the same bytes for ever.
 * It never ends unless `count_max` bounds it, and its memory does not grow.
 *
 * Invariants
 * 1. Every type is catalogued, and every event is a move that the lifecycle of what it names allows.
 * 2. `occurred_ms` never falls; `stream_seq` rises by one with every dotted event; event ids are unique.
 * 3. `amount` and `amount_base_units` are the same number.
 * 4. In the legacy style only types that have a legacy name appear; the others' moves happen unseen.
 *
 * Every organisation has ids of its own, also under the same seed. A screening, decision or approval of a
 * transaction names it in `transaction_id`, as its own events do; legacy's messages of a deposit name it only by
 * hash and address, as they always did. */
#ifndef CATALOGUE_HISTORY_H
#define CATALOGUE_HISTORY_H

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"

enum history_style { HISTORY_DOTTED, HISTORY_LEGACY };

/* Borrowed: the slices must outlive the history. */
struct history_options {
	struct slice organisation; /* the envelope's `organisation`; absent: "org_example" */
	struct slice environment;  /* `production` or `sandbox`; absent: `sandbox` */
	enum history_style style;
	struct wall_time start; /* the wall time of virtual millisecond 0; WALL_NONE: 2025-01-01T00:00:00Z */
	uint64_t count_max;	/* events; 0: no bound */
};

/* How many transactions are under way at the same time. */
enum { HISTORY_ACTIVE = 6 };

/* What one transaction, or another affair, remembers between its events. Private to history*.c. */
struct history_case {
	uint64_t seed; /* all of its values are derived from it */
	int64_t due_ms;
	unsigned scenario, step;
	unsigned asset;	       /* row of the table of assets */
	unsigned hash_number;  /* rises when the transaction is replaced */
	unsigned block_number; /* rises when its block leaves the chain */
	unsigned votes;
	bool on_chain;		  /* it has a hash */
	int64_t block_height;	  /* 0: in no block */
	uint64_t resource_seq[3]; /* of the transaction (or the only resource), its workflow, its screening */
	struct slice status[3];	  /* of the same; static text; absent before the first event */
};

struct history {
	struct history_options options;
	struct random random;
	uint64_t stream_seq, given;
	struct history_case active[HISTORY_ACTIVE];
};

/* The slices live in the arena (or are static). */
struct history_event {
	struct slice type;	     /* as in the payload: dotted or legacy name */
	struct slice catalogue_type; /* the dotted name in either style */
	struct slice event_id;	     /* a UUID; the envelope's `id`, legacy's `messageId` */
	struct slice transaction_id; /* absent where no transaction is concerned */
	struct slice state;	     /* of the transaction after the event; absent where none is concerned */
	int64_t occurred_ms;	     /* virtual time since the start */
	struct wall_time occurred_at;
	uint64_t stream_seq;  /* 0 in the legacy style */
	struct slice payload; /* the body to post */
};

void history_init(struct history *history, uint64_t seed, const struct history_options *options);
/* False once count_max events were given. */
MUST_CHECK bool history_next(struct history *history, struct arena *arena, struct history_event *out);

#endif
