/* Change requests: what an organisation has a second person for is not done when it is asked for, but kept, shown as a
 * difference, decided by somebody else, and then done by the server itself.
 *
 *   REQUESTED ──somebody else approves──▶ APPROVED ──cool-off over──▶ APPLIED
 *     │    │                                 │  └─────────────────▶ STALE: what it would change is not as it was
 *     │    └──nobody decides in time──▶ EXPIRED
 *     └──refused, withdrawn by who asked──▶ REFUSED, WITHDRAWN ◀──┘ also while it cools off     (change_may_move)
 *
 * A store asks at each operation whether it is governed (change_hold_*), in the transaction of that operation, so no way
 * to an endpoint or a token goes past it. What is kept are the documents before and after. To apply a change is to
 * execute the ordinary operation again (change_prepare), on what is there then: members that the change touches must be
 * as they were, the others stay as they are. Pure; the same for every store. */
#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

#include "model/model.h"

struct change_id {
	int64_t value;
};

enum change_state {
	CHANGE_REQUESTED,
	CHANGE_APPROVED,
	CHANGE_APPLIED,
	CHANGE_STALE,
	CHANGE_REFUSED,
	CHANGE_WITHDRAWN,
	CHANGE_EXPIRED,
	CHANGE_STATE_COUNT,
};

enum change_operation {
	CHANGE_ENDPOINT_CREATE,
	CHANGE_ENDPOINT_UPDATE,
	CHANGE_ENDPOINT_DELETE,
	CHANGE_TOKEN_CREATE,
	CHANGE_TOKEN_REVOKE,
	CHANGE_TOKEN_EXPIRE, /* all of the organisation's */
	CHANGE_GOVERNANCE_UPDATE,
	CHANGE_ORGANISATION_DELETE,
	CHANGE_ORGANISATION_KEY,
	CHANGE_OPERATION_COUNT,
};

/* Who did something to it, and when; at 0: nobody yet. */
struct change_hand {
	struct token_id token;
	enum role role;
	struct wall_time at;
};

/* Slices live in the arena of whoever holds it. */
struct change_request {
	struct change_id id; /* 0: none */
	struct organisation_id organisation;
	enum change_state state;
	enum change_operation operation;
	unsigned aspects; /* that it touches */
	int64_t object;	  /* the endpoint's, token's or organisation's id; 0: an endpoint that is not made yet */
	struct change_hand requested, decided; /* decided: approved or refused, or withdrawn */
	struct wall_time due;		       /* REQUESTED: expires then; APPROVED: is applied then */
	struct wall_time ended;		       /* applied, stale or expired */
	struct slice reason;		       /* of a refusal; absent: none */
	struct slice problem;		       /* STALE: what did not fit */
	struct slice notice; /* what the organisation says to whoever asks and decides; absent: nothing */
	struct slice diff;   /* a JSON array of {member, before, after} */
	/* What applying it needs; never shown, since it holds what is sealed. */
	struct slice before, after; /* documents */
	enum endpoint_state state_before, state_after;
	struct slice challenge; /* for a URL that has to prove itself; absent: none has to */
	struct slice action;	/* for the audit log, where "endpoint.update" says too little; absent: it does not */
	struct slice mark;  /* over the secrets that were given (sealer_mark), since what is sealed differs each time;
				 * absent: none was */
	struct token token; /* TOKEN_CREATE; TOKEN_EXPIRE: its end */
};

const char *change_state_name(enum change_state state);
MUST_CHECK bool change_state_parse(struct slice name, enum change_state *out);
MUST_CHECK bool change_may_move(enum change_state from, enum change_state to);
const char *change_operation_name(enum change_operation operation); /* "endpoint.update" */
enum id_kind change_object_kind(enum change_operation operation);

struct change_request change_copy(struct arena *arena, const struct change_request *from);
/* Everything but id, organisation, state and due, which stores keep in columns. */
void change_encode(const struct change_request *change, struct buf *out);
MUST_CHECK enum error_code change_decode(
    struct slice doc, struct arena *arena, struct change_request *out, struct error *error);
/* For people: without what applying it needs. */
void change_write(struct json_writer *writer, const struct change_request *change);
/* The same, with the object left open for more members. */
void change_members(struct json_writer *writer, const struct change_request *change);

/* --- for stores -------------------------------------------------------------------------------------- */

struct store_request;

/* Whether the organisation governs what the request is about to do. Then `request->change` is filled but for its id, and
 * the store keeps it instead of doing anything. NULL: there is none before, or none after. */
MUST_CHECK bool change_hold_endpoint(struct store_request *request, const struct organisation *of,
    const struct endpoint *before, const struct endpoint *after);
MUST_CHECK bool change_hold_token(struct store_request *request, const struct organisation *of,
    const struct token *before, const struct token *after);
MUST_CHECK bool change_hold_expiry(struct store_request *request, const struct organisation *of);
MUST_CHECK bool change_hold_organisation(
    struct store_request *request, const struct organisation *before, const struct organisation *after);

/* Whether `open`, which waits, asks for the very same as `asked`: then nothing new is to be kept. Where that cannot be told
 * (new tokens) they are never the same. */
MUST_CHECK bool change_same(const struct change_request *open, const struct change_request *asked);
/* Approval, refusal or withdrawal, as request->change.state says, by request->actor; else the request's error. */
MUST_CHECK enum error_code change_decide(
    struct change_request *change, struct store_request *request, const struct organisation *of);
/* Makes of `out`, which is a new one of any kind with an `admin`, the ordinary request that applies the change. `current` is the endpoint as it is; NULL: none, or it is not about
 * one. ERR_CONFLICT: it no longer fits. */
MUST_CHECK enum error_code change_prepare(struct change_request *change, const struct endpoint *current,
    struct wall_time now, struct store_request *out, struct error *error);
/* After that request was executed: what became of the change. */
void change_settle(
    struct change_request *change, const struct store_request *done, struct wall_time now, struct arena *arena);
/* The row that the audit log gets for the move that the change has just made: fills `out`, which has an actor. */
void change_audit(struct store_request *out, const struct change_request *change, enum change_state from);
/* What the organisation's endpoints are told of that move, if they name the types: a change of an endpoint was requested,
 * approved or rejected. (That it was made is told by the operation that makes it.) `endpoint`: as it is; NULL: none. */
void change_tell(struct store_request *request, const struct change_request *change, const struct endpoint *endpoint);

#endif
