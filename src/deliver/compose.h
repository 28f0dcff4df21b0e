/* Composes the request of one attempt: body by payload style, headers by scheme. Deterministic: the same message
 * to the same target has the same body on every attempt; only what belongs to the attempt differs in headers. */
#ifndef DELIVER_COMPOSE_H
#define DELIVER_COMPOSE_H

#include "deliver/target.h"
#include "transport/transport.h"

enum compose_kind {
	COMPOSE_DELIVERY,
	COMPOSE_PULLED,	   /* what the attempt would be, for whoever asks for it: without custom headers, which are the
			    * endpoint's secrets, and without what belongs to an attempt alone */
	COMPOSE_HEARTBEAT, /* no delivery: it has no number, and its body is the message's payload whatever the style */
};

struct compose_input {
	enum compose_kind kind;
	const struct target *target;
	const struct message *message;
	int64_t sequence;
	int32_t number; /* of the attempt, from 1 */
	struct wall_time now;
	struct slice authorization; /* the header's value; absent: none */
	bool forward;		    /* the receiver's own destination: unsigned, verbatim */
};

/* A hash of the resource that the event is about: `resource.id` of the envelope, `data.transaction_id`, or the legacy
 * `payload.requestId`. Events without any share one key: where nothing tells them apart, order is kept among all. */
int64_t compose_resource_key(const struct message *message);
/* The body that an endpoint of that style and version gets of this message, whose payload is there. In arena, or the
 * message's own. */
struct slice compose_body(struct arena *arena, enum payload_style style, int32_t version, enum environment environment,
    const struct message *message);
/* The webhook-id that it gets it under. In arena, or the message's own. */
struct slice compose_id(struct arena *arena, const struct message *message);

/* Fills url, headers, body of the transmission. ERR_INVALID: it cannot be signed. */
MUST_CHECK enum error_code compose(const struct compose_input *input, struct transmission *out, struct error *error);

#endif
