/* Governed change and proof of ownership: what an organisation has a second person for, and what an endpoint's URL still
 * has to answer before events go there.
 *
 * What this is not: change requests (store/change.h), the challenge on its way (deliver/challenge.h). */
#ifndef MODEL_GOVERNANCE_H
#define MODEL_GOVERNANCE_H

#include "base/clock.h"
#include "json/json.h"

/* What a change can touch. */
enum governance_aspect {
	GOVERN_URL,	  /* where events go */
	GOVERN_TYPES,	  /* which, and in which form */
	GOVERN_KEYS,	  /* with which keys, headers and credentials */
	GOVERN_ROLES,	  /* who may do what: tokens of the organisation */
	GOVERN_DISABLING, /* what ends deliveries or silences alerts */
	GOVERN_COUNT,
};

#define GOVERN_BIT(aspect) (1u << (aspect))
enum { GOVERN_ALL = (1 << GOVERN_COUNT) - 1 };

struct governance {
	unsigned aspects;	      /* bits of those that need a second person; 0: off */
	int64_t cool_off_s;	      /* from the approval until it is applied */
	struct slice contact, notice; /* of security; a text for whoever asks for a change. absent: none */
};

const char *governance_aspect_name(enum governance_aspect aspect); /* "url" */
MUST_CHECK bool governance_aspect_parse(struct slice name, enum governance_aspect *out);
/* Whether `after` asks for less than `before`: that itself needs a second person. */
bool governance_loosens(const struct governance *before, const struct governance *after);
struct governance governance_copy(struct arena *arena, const struct governance *from);
/* As a JSON object, in documents and in the audit log alike. */
void governance_write(struct json_writer *writer, const struct governance *governance);
/* False when it is not one of ours; slices live in `arena`. */
MUST_CHECK bool governance_read(struct json object, struct arena *arena, struct governance *out);

/* A URL has to prove that it belongs to whoever takes our events: it answers a challenge. */
struct verification {
	struct slice challenge; /* what it has to answer; absent: nothing is to be proved */
	struct slice
	    url; /* takes the place of the endpoint's when it has proved itself; absent: it is the endpoint's own,
			   * which gets nothing until then */
	int32_t attempts;     /* made so far */
	struct wall_time due; /* of the next; 0: none, until somebody asks for it */
	struct slice problem; /* of the last; absent: none was made */
};

/* How the webhook-id of a challenge begins, which no event's does. */
#define CHALLENGE_ID_PREFIX "ping_"

struct verification verification_copy(struct arena *arena, const struct verification *from);
/* `shown`: for people, without the challenge. */
void verification_write(struct json_writer *writer, const struct verification *verification, bool shown);
MUST_CHECK bool verification_read(struct json object, struct arena *arena, struct verification *out);

#endif
