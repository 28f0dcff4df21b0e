/* The tail: what deliveries have become and which attempts were made since these were last written to their tables.
 *
 * A table that is ordered by anything but time costs a page for each row that a commit touches in it: `delivery` by
 * message when old ones fail, its index by endpoint and due time, `attempt` by message and its index by endpoint. So a
 * commit writes what it changes of deliveries, and its attempts, as one row of the table `tail`, and they stay in
 * memory; thousands at a time they are sorted and settled, which is, written to their tables. A delivery that is made
 * and done within that time is written once, and is never in an index of what is pending.
 *
 * There are two parts, as in any log-structured tree: `fresh` takes what comes; `settling` is being written, a step with
 * the batches and in idle moments.
 *
 * Invariants
 * 1. Nothing is in memory alone: what is in a part is in the table `tail`, or goes there with the batch that runs.
 * 2. A record is absolute: it holds all of the delivery's row as it became. So it may be written twice, and reading the
 *    table `tail` in order, at open and after a failed commit, gives the tail again.
 * 3. What is true of a delivery is in `fresh`, else in `settling`, else in its table.
 * 4. The attempts of the tail have the highest ids of all: its first and all behind it are in the tail, whether or not
 *    they are in their table already; all before it are in their table.
 * 5. A row of `delivery` is only written past the tail when the tail has nothing of it (tail_settle).
 * 6. Where another process adds to the table `tail`, this one takes that over before it adds or settles anything.
 * 7. The number that an endpoint has come to is the larger one of its table and of its deliveries in the tail. */
#ifndef STORE_SQLITE_TAIL_H
#define STORE_SQLITE_TAIL_H

#include "base/buf.h"
#include "base/map.h"
#include "model/model.h"

struct sqlite_store;

struct tail_delivery {
	int64_t message, endpoint, due, sequence;
	int32_t attempts;
	enum delivery_state state;
	enum attempt_trigger trigger;
	bool made; /* since its part began, or before: its row may not be in the table yet */
};

struct tail_part {
	struct tail_delivery *deliveries; /* each once */
	size_t count, capacity;
	struct map index;	  /* (message, endpoint) to its place */
	struct attempt *attempts; /* by rising id; of the arena */
	size_t attempt_count, attempt_capacity;
	struct arena arena;
	int64_t last; /* row of the table `tail` that has the last of it */
};

struct tail {
	struct tail_part fresh, settling;
	uint32_t *order, *attempt_order;  /* in which `settling` is written */
	size_t settled, attempts_settled; /* how far that has come */
	struct buf unsaved;		  /* records of the batch that runs */
	int64_t first, last;		  /* rows of the table `tail`, 0: there are none */
	int64_t saved;			  /* the last number that such a row had; none is used twice */
	size_t rows_max;		  /* deliveries or attempts in `fresh` before it is to settle */
	size_t credit;			  /* rows that may be settled for what has come */
};

/* At open and when a commit failed; of a read-only store, before each batch, within its transaction. */
void tail_load(struct sqlite_store *store);
void tail_refresh(struct sqlite_store *store);
void tail_free(struct tail *tail);
/* Within a batch, before its commit. */
void tail_save(struct sqlite_store *store);
/* In idle moments, in a transaction of its own; true when there is more. */
bool tail_step(struct sqlite_store *store);
/* Within a transaction: all of it is written to the tables, and the tail is empty. */
void tail_settle(struct sqlite_store *store);

/* What the delivery is now. False: there is none. */
bool tail_get(struct sqlite_store *store, int64_t message, int64_t endpoint, struct tail_delivery *out);
void tail_put(struct sqlite_store *store, const struct tail_delivery *delivery);
void tail_attempted(struct sqlite_store *store, const struct attempt *attempt);

/* For reading beside the tables. */
const struct tail_delivery *tail_find(const struct tail *tail, int64_t message, int64_t endpoint); /* NULL: not in it */
/* Each delivery of the endpoint (0: of all) once; begin with 0. NULL: that was the last. */
const struct tail_delivery *tail_next(const struct tail *tail, int64_t endpoint, size_t *at);
size_t tail_attempt_count(const struct tail *tail);
const struct attempt *tail_attempt(const struct tail *tail, size_t at); /* by rising id */
/* The last one of the delivery; NULL: the tail has none. */
const struct attempt *tail_attempt_last(const struct tail *tail, int64_t message, int64_t endpoint);
/* Attempts in the table count below this id. */
int64_t tail_attempts_from(const struct tail *tail);
/* How many more deliveries of the endpoint (0: of all) are in this state than the table says; of messages in [floor, below). */
int64_t tail_more(
    struct sqlite_store *store, enum delivery_state state, int64_t endpoint, int64_t floor, int64_t below);
/* Those of the endpoint that are in this state, by due time and message; of the arena. */
struct tail_delivery *tail_of(
    struct sqlite_store *store, struct arena *arena, enum delivery_state state, int64_t endpoint, size_t *count);
bool tail_has_pending(const struct tail *tail, int64_t message);
/* Of deliveries whose rows may not be in the table yet, the first message; INT64_MAX: there are none. */
int64_t tail_first_made(const struct tail *tail);

#endif
