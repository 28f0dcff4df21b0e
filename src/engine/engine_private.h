/* What the engine is made of; shared by its files alone.
 *
 * Deliveries, endpoints and organisations live in arrays and refer to each other by index (NONE: nobody).
 * An endpoint stands in its organisation's ring while it could send: active, something ready, a place free.
 * An organisation stands in the engine's ring while one of its endpoints does. */
#ifndef ENGINE_ENGINE_PRIVATE_H
#define ENGINE_ENGINE_PRIVATE_H

#include "base/heap.h"
#include "base/map.h"
#include "engine/engine.h"

#define NONE UINT32_MAX

enum held_state {
	HELD_FREE,
	HELD_WAITING,
	HELD_READY,
	HELD_FLYING,
	HELD_RECORDING,
	HELD_BLOCKED,
	HELD_STATE_COUNT,
};

enum breaker { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct held {
	struct engine_delivery delivery;
	enum held_state state;
	uint32_t endpoint;
	uint32_t generation;	 /* of the slot: heap entries of earlier lives are stale */
	uint32_t next, previous; /* in the endpoint's ready list; next also in the free list */
	uint32_t follower;	 /* the BLOCKED one behind this one in its line; NONE: nobody */
	bool in_line;		 /* it stands in a line (order.c) */
	int64_t line;
	enum delivery_state verdict; /* RECORDING: what was asked to be recorded */
	struct wall_time again;	     /* RECORDING: due, when the verdict is PENDING */
};

struct ring_links {
	uint32_t next, previous; /* NONE: not in a ring */
};

struct node { /* an endpoint */
	struct engine_endpoint config;
	bool used;
	uint32_t organisation;
	uint32_t held, flying; /* in memory; of them on their way */
	uint32_t ready_first, ready_last;
	struct engine_due spill; /* what is only in the store lies at or behind this */
	bool refilling;
	struct engine_due refill_from; /* of the refill on its way */
	uint32_t refill_generation;    /* entries of the refill heap with another one are stale */
	struct ring_links ring;
	/* flow.c */
	uint32_t window;   /* how much may be on its way now */
	uint32_t failures; /* in a row */
	enum breaker breaker;
	struct wall_time paused_until; /* by the breaker or Retry-After */
	struct wall_time rate_at;      /* when the next send is allowed by the rate */
	int64_t wake_at;	       /* it stands in the wake heap for that time; 0: it does not */
	uint32_t wake_generation;      /* entries of the wake heap with another one are stale */
};

struct tenant { /* an organisation */
	struct organisation_id id;
	uint32_t turn; /* the endpoint whose turn is next; NONE: none could send */
	struct ring_links ring;
};

struct engine {
	struct engine_options options;
	struct held *held;
	uint32_t held_count, held_free; /* slots made; first free one */
	size_t bytes;			/* of payloads in memory */
	uint32_t in_memory, flying, waiting, ready, recording, blocked;
	struct map by_delivery; /* (endpoint id, message id) → held */
	struct map order_last;	/* (endpoint id, order key) → the last one in line */
	struct node *nodes;
	uint32_t node_count;
	struct map by_endpoint; /* (endpoint id, 0) → node */
	struct tenant *tenants;
	uint32_t tenant_count;
	struct map by_organisation; /* (organisation id, 0) → tenant */
	uint32_t turn;		    /* the tenant whose turn is next */
	struct heap due;	    /* WAITING deliveries */
	struct heap refills;	    /* endpoints whose spill is to be read */
	struct heap wakes;	    /* endpoints that may send again at a time */
	uint32_t refills_out;
	struct wall_time now;
	struct engine_actions *actions; /* of the step that runs */
};

/* pool.c */
uint32_t pool_take(struct engine *engine);
void pool_give(struct engine *engine, uint32_t slot);
/* The one place where a delivery changes its state; keeps the counts. */
void held_move(struct engine *engine, uint32_t slot, enum held_state to);
void ready_append(struct engine *engine, uint32_t slot);
void ready_remove(struct engine *engine, uint32_t slot);
uint32_t node_find(const struct engine *engine, struct endpoint_id id);
uint32_t node_make(struct engine *engine, const struct engine_endpoint *config);
void node_drop(struct engine *engine, uint32_t node);

/* flow.c: whether an endpoint may send now, and how much */
bool flow_allows(const struct engine *engine, const struct node *node);
void flow_begin(struct engine *engine, struct node *node); /* of an endpoint that became known or active */
void flow_sent(struct engine *engine, struct node *node);
void flow_judge(struct engine *engine, uint32_t node, const struct engine_event *event);
/* The time of an open breaker may be over: then what is ready next is the probe. Called before every decision, since
 * an endpoint with nothing ready does not stand in the wake heap. */
void flow_look(const struct engine *engine, struct node *node);
/* The clock was set back by so much. Follow it by turns_update. */
void flow_set_back(struct node *node, int64_t by_us);
/* When something is ready and only time keeps it: sees to it that it is looked at again. */
void flow_sleep(struct engine *engine, uint32_t node);
void flow_wake(struct engine *engine);

/* order.c: what goes one after another */
bool order_joins(struct engine *engine, uint32_t slot);	     /* true: it is behind another one, and must be BLOCKED */
uint32_t order_leaves(struct engine *engine, uint32_t slot); /* the one that was behind it, now first; NONE */
void order_cuts_out(struct engine *engine, uint32_t slot);   /* a BLOCKED one: who is behind it moves up */

/* turns.c: whose turn it is */
void turns_update(struct engine *engine, uint32_t node); /* call whenever what decides eligibility changed */
uint32_t turns_next(struct engine *engine);		 /* the next node that may send, NONE; moves the turn on */

struct engine_action *action_add(struct engine *engine, enum engine_action_kind kind);

static inline int
due_compare(struct engine_due a, struct engine_due b)
{
	if (a.due.us != b.due.us)
		return a.due.us < b.due.us ? -1 : 1;
	return a.message < b.message ? -1 : a.message > b.message;
}

#endif
