/* Tasks: work over many messages that is done in small steps, survives restarts and can be cancelled.
 *
 *   RUNNING ──the last message was looked at──▶ FINISHED        RUNNING ──cancelled, or impossible now──▶ FAILED
 *
 * A task walks over messages by rising id, from `floor` to below `ceiling`; `position` is how far it has come and is
 * committed together with what the step did. So a step is done once, whatever happens in between. What is decided
 * about one message is here, pure; the stores do it. */
#ifndef STORE_TASK_H
#define STORE_TASK_H

#include "model/model.h"

struct task_id {
	int64_t value;
};

enum task_kind {
	TASK_RECOVER,	     /* what failed, or waits to be tried again, goes to its endpoint now */
	TASK_REPLAY_MISSING, /* what the endpoint wants and never had */
	TASK_BULK_REPLAY,    /* all that went to the endpoint and fits the filters */
	TASK_PURGE,	     /* the contents of all messages are expunged */
	TASK_USAGE,	     /* counts by organisation */
	TASK_TYPES,	     /* counts by event type */
	TASK_KIND_COUNT,
};

enum task_state { TASK_RUNNING, TASK_FINISHED, TASK_FAILED, TASK_STATE_COUNT };

struct task_usage {
	struct slice name; /* an organisation's id, or an event type */
	int64_t messages, deliveries;
};

enum { TASK_STEP_ROWS = 256, TASK_KEPT_DAYS = 90 };

/* What has ended and has a lower id is forgotten when another one is made. */
static inline int64_t
task_oldest(struct wall_time now)
{
	return id_floor((struct wall_time){now.us - (int64_t)TASK_KEPT_DAYS * 86400 * 1000000});
}

/* Slices live in the arena of whoever holds it. */
struct task {
	struct task_id id;
	struct organisation_id organisation; /* 0: of all */
	struct endpoint_id endpoint;	     /* 0: none */
	enum task_kind kind;
	enum task_state state;
	struct wall_time updated;
	int64_t floor, ceiling, position; /* message ids; see above. ceiling 0 when created: up to now */
	struct slice_list event_types;	  /* BULK_REPLAY: empty: all */
	struct slice channel;		  /* BULK_REPLAY: absent: all */
	int status, status_code_class;	  /* BULK_REPLAY: as in store_filter; -1: all */
	bool journalled;		  /* over journalled events, which are no organisation's */
	struct slice resource;		  /* BULK_REPLAY: only events of this one (task_fits_resource); absent: all */
	bool preview;			  /* of an endpoint's tasks: `done` counts what would be sent, and nothing is */
	struct slice_list only;		  /* USAGE: ids of organisations; empty: all */
	int64_t examined, done, skipped;  /* skipped: nothing left to send */
	struct slice reason;		  /* FAILED */
	struct task_usage *usage;
	size_t usage_count;
};

const char *task_kind_name(enum task_kind kind); /* of the wire contract: "endpoint.recover" */
MUST_CHECK bool task_kind_parse(struct slice name, enum task_kind *out);
const char *task_state_name(enum task_state state);
MUST_CHECK bool task_state_parse(struct slice name, enum task_state *out);
bool task_of_endpoint(enum task_kind kind);
bool task_counts(enum task_kind kind);

/* A message, and where its delivery to the task's endpoint stands. */
struct task_candidate {
	struct slice event_type;
	struct slice_list channels;
	bool sent; /* there is a delivery */
	enum delivery_state state;
	int32_t attempts;
	struct wall_time due;
	int32_t status_code; /* of the last attempt; 0: none, or no answer */
};

enum task_choice { TASK_PASS, TASK_SEND_AGAIN, TASK_SEND_FIRST };

enum task_choice task_choose(const struct task *task, const struct endpoint *endpoint,
    const struct task_candidate *candidate, struct wall_time now);
/* Whether the payload is of the task's resource: its `resource.id`, `data.transaction_id`, or what the first generation
 * and plain bodies have in their place. What is no longer kept is of none. */
bool task_fits_resource(const struct task *task, struct slice payload);
void task_fail(struct task *task, struct arena *arena, const char *reason);
/* Adds a message of `name` that has so many deliveries. */
void task_count(struct task *task, struct arena *arena, struct slice name, int64_t deliveries);

struct task task_copy(struct arena *arena, const struct task *from);
/* What has no column of its own: everything but id, organisation, endpoint, kind, state and updated. */
void task_encode(const struct task *task, struct buf *out);
MUST_CHECK enum error_code task_decode(struct slice doc, struct arena *arena, struct task *out, struct error *error);

#endif
