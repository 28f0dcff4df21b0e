/* The delivery engine: decides what to send when, and what an outcome means. Pure.
 *
 * What it is: an index over the store's pending deliveries and the rules of delivery. What it is not: it has no
 * clock, no randomness, no I/O, and holds no truth; time and random numbers come in with each event, and what is
 * to be done goes out as actions. Rebuilt at start from the endpoints alone: refills bring the rest.
 *
 * A delivery in memory:
 *
 *     added/refilled ─▶ WAITING ──due──▶ READY ──send──▶ FLYING ──attempted──▶ RECORDING ──recorded──▶ gone
 *          │               ▲               ▲                                       │
 *          │               └───────────────┼──── again, due soon ──────────────────┘
 *          └── behind an earlier one of its order ──▶ BLOCKED (when that one has gone: READY)
 *     WAITING, READY, BLOCKED ──endpoint held, or no room──▶ gone (stays in the store)
 *     WAITING, READY, BLOCKED ──cancelled──▶ gone
 *
 * An endpoint may send while it is active, its breaker allows, it is not paused (Retry-After), its rate allows, and
 * less is on its way than its window. The window grows by one with each success and halves with what says "too
 * much" (429, 502, 504, no answer). The breaker:
 *
 *     CLOSED ──failures in a row──▶ OPEN ──after breaker_open_ms──▶ HALF_OPEN ──probe succeeds──▶ CLOSED
 *                                    ▲                                  └──probe fails──▶ OPEN
 *
 * Order. Of an endpoint in order `resource` (or `endpoint`), deliveries with the same key (or all) go one after
 * another as they were accepted: a later one waits until the earlier one is delivered or exhausted. To keep that over
 * restarts, a retry of such an endpoint keeps its due time in the store, so that refills come in order of acceptance,
 * and its delay lives in memory alone: a restart shortens it.
 *
 * Invariants (engine_check asserts them)
 * 1. Every pending delivery of an active endpoint is in memory, or its (due, message) is at or behind the
 *    endpoint's `spill`, or a refill that covers it is on its way.
 * 2. A delivery is in memory once; it is FLYING at most once at a time.
 * 3. Memory is bounded: at most `window` deliveries for each endpoint and `deliveries_max` in all, and no more is
 *    taken in while their payloads have `bytes_max` bytes.
 * 4. Every payload handle that came in goes out in exactly one ENGINE_FORGET.
 * 5. A delivery leaves as delivered or exhausted only after its record was committed (ENGINE_RECORDED).
 * 6. Endpoints take turns: round-robin over organisations, then over their endpoints.
 *
 * It rests on the store's order (store.h, invariant 2): events must be given in the order of the replies. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "model/model.h"

enum engine_endpoint_status { ENGINE_ACTIVE, ENGINE_HELD, ENGINE_GONE };

struct engine_endpoint {
	struct endpoint_id id;
	struct organisation_id organisation;
	enum engine_endpoint_status status;
	struct schedule schedule;
	struct wall_time failing_since; /* 0: not failing */
	int32_t warned;			/* how often that was announced since */
	int32_t in_flight_max;
	int32_t rate_per_s; /* 0: no limit */
	enum delivery_order order;
};

struct engine_delivery {
	struct endpoint_id endpoint;
	struct message_id message;
	struct wall_time due;
	int32_t attempts; /* made so far */
	int64_t sequence;
	enum attempt_trigger trigger;
	uint32_t bytes;	   /* of memory that its payload keeps */
	int64_t order_key; /* what shares it goes one after another, in order `resource` */
	void *payload;	   /* the sender's handle; the engine never looks into it */
};

struct engine_due { /* a position: ordered by due, then message */
	struct wall_time due;
	int64_t message;
};

enum engine_event_kind {
	ENGINE_TICK,	 /* time has passed */
	ENGINE_ENDPOINT, /* made, changed, held, gone */
	ENGINE_ADDED,	 /* a committed delivery */
	ENGINE_REFILLED, /* the answer to ENGINE_REFILL */
	ENGINE_REFILL_FAILED,
	ENGINE_ATTEMPTED, /* the outcome of ENGINE_SEND */
	ENGINE_RECORDED,  /* ENGINE_RECORD was committed */
	ENGINE_CANCELLED, /* a committed end of a pending delivery: its payload was expunged */
};

struct engine_event {
	enum engine_event_kind kind;
	uint64_t random;		 /* fresh with every ENGINE_ATTEMPTED */
	struct engine_endpoint endpoint; /* ENDPOINT */
	struct engine_delivery delivery; /* ADDED; ATTEMPTED, RECORDED and CANCELLED: endpoint and message */
	bool succeeded;			 /* ATTEMPTED: a 2xx came */
	bool final;			 /* ATTEMPTED: it did not, and trying this one again would not help */
	bool unwanted;			 /* RECORDED: it is not to be sent again now, whatever the outcome was */
	int32_t status_code;		 /* ATTEMPTED: of the answer; 0: none came */
	int64_t retry_after_ms;		 /* ATTEMPTED: the pause that the answer asked for; 0: none */
	const struct engine_delivery
	    *rows; /* REFILLED; delivery.endpoint names the endpoint of this and REFILL_FAILED */
	size_t row_count;
	struct engine_due next; /* REFILLED: first pending one not given; WALL_NEVER: none */
};

enum engine_action_kind {
	ENGINE_SEND,   /* delivery (attempts: made before this one) */
	ENGINE_RECORD, /* delivery, state, due, failing */
	ENGINE_REFILL, /* delivery.endpoint, from, until, limit */
	ENGINE_FORGET, /* delivery.payload is no longer held */
};

struct engine_action {
	enum engine_action_kind kind;
	struct engine_delivery delivery;
	enum delivery_state state; /* RECORD: what the delivery becomes; due in delivery.due when PENDING */
	bool set_failing;	   /* RECORD: failing_since has changed */
	struct wall_time failing_since;
	bool suspend; /* RECORD: unbroken failure has lasted for suspend_after_ms and was announced; or 410 Gone */
	int32_t warn; /* RECORD: it is to be announced that the endpoint fails, for the 1st or 2nd time; 0: not */
	struct wall_time suspends_at; /* RECORD: when it will be suspended if that goes on; 0: never */
	struct engine_due from;	      /* REFILL */
	struct wall_time until;
	size_t limit;
};

struct engine_actions {
	struct engine_action *items;
	size_t count, capacity;
};

struct engine_options {
	size_t deliveries_max;	  /* in memory, in all */
	size_t bytes_max;	  /* of their payloads; admitted while less is held; 0: no limit */
	size_t window;		  /* of one endpoint */
	size_t refill_limit;	  /* rows of one refill */
	int32_t in_flight_max;	  /* FLYING, in all */
	int64_t keep_ms;	  /* a retry due within this stays in memory; a later one goes back to the store */
	int64_t suspend_after_ms; /* of unbroken failure; 0: never */
	int64_t
	    warn_share_percent;	  /* of suspend_after_ms: then its failing is announced, and again behind three quarters
				     * of the rest */
	int64_t warn_failures;	  /* in a row that announce it as well; 0: never */
	int32_t breaker_failures; /* in a row that open the breaker; 0: never */
	int64_t breaker_open_ms;
	int64_t retry_after_max_ms; /* no answer can ask for a longer pause */
};

struct engine;

struct engine_options engine_default_options(void);
struct engine *engine_new(const struct engine_options *options);
/* Hands out what is still held as ENGINE_FORGET first: engine_close; then frees. */
void engine_close(struct engine *engine, struct engine_actions *actions);
void engine_free(struct engine *engine);

/* Sends nothing more; what is on its way is still judged and recorded. For an orderly end. */
void engine_pause(struct engine *engine);

/* One step. Appends to `actions` (the caller empties it). */
void engine_step(
    struct engine *engine, struct wall_time now, const struct engine_event *event, struct engine_actions *actions);
/* When the next ENGINE_TICK is needed; WALL_NEVER: not before something else happens. */
struct wall_time engine_next(const struct engine *engine);

struct engine_counts {
	size_t endpoints, waiting, ready, flying, recording, blocked;
};
struct engine_counts engine_counts(const struct engine *engine);
/* Asserts the invariants; linear in what is held: for simulation and tests. */
void engine_check(const struct engine *engine);

#endif
