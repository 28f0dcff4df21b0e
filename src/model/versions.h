/* Versions of a payload (M2): what an endpoint of version N gets of a message that was posted in several.
 *
 * `payload` is version 1. `payloadVersions` of the post holds further ones: {"2": {…}, "5": {…}}. An endpoint gets the
 * highest version that is at most its own. What it is not: what reads a post (server/in_message.c), or what composes a body
 * (deliver/compose.h).
 *
 * Invariants
 * 1. A version's bytes are those that were posted: the object of versions is kept as it stands, and each is a span of it.
 * 2. A message's versions stand directly behind its payload, so that both are stored, and go, as one value.
 * 3. A message without versions costs nothing: no allocation, no parsing. */
#ifndef MODEL_VERSIONS_H
#define MODEL_VERSIONS_H

#include "model/model.h"
#include "sign/sign.h"

enum {
	VERSION_FIRST = 1, /* the payload's */
	VERSIONS_NUMBER_BYTES = 2,
	/* What is left of a message: the payload's digest; then, of each version, its number and its digest. */
	VERSIONS_DIGESTS_BYTES = SHA256_BYTES + LIMIT_PAYLOAD_VERSIONS * (VERSIONS_NUMBER_BYTES + SHA256_BYTES),
};

/* Copies both into the message's arena; `versions` absent: none. */
void versions_set(struct message *message, struct slice payload, struct slice versions);
/* Both as one value, as they are stored. */
struct slice versions_whole(const struct message *message);
/* Of such a value, of which the last `length` bytes are the versions. */
void versions_take(struct message *message, struct slice whole, size_t length);
/* Bytes of all that was posted. */
static inline size_t
versions_bytes(const struct message *message)
{
	return message->payload.len + message->versions.len;
}

/* The number that a member's name says; 0: it says none that may be posted. */
int32_t versions_number(struct json key);
/* What an endpoint of that version gets; `*number` (may be NULL): which one it is. Absent: the payload is not kept. */
struct slice versions_pick(const struct message *message, int32_t wanted, int32_t *number);
/* Of a message whose payload is there. Returns the length. */
size_t versions_digests(const struct message *message, unsigned char out[static VERSIONS_DIGESTS_BYTES]);
/* Of these, the one that an endpoint of that version got; absent: they are not digests. */
struct slice versions_digest(struct slice digests, int32_t wanted);

#endif
