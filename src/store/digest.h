/* A tree of digests over the events of a stream: days, hours, minutes, and the events themselves. Two sides that hold
 * millions of events find the few in which they differ by comparing digests from the top down.
 *
 * An event stands at the time that its id tells (base/id.h), which both sides know; events whose id tells none are not in
 * the tree. A minute's digest is a chain over its events in the order of their ids; an hour's and a day's are chains over
 * what they hold:
 *
 *   minute: h_0 = SHA-256("vaultbell digest 1"); h_n = SHA-256(h_{n-1} || length of the id || id || SHA-256 of the body)
 *   above:  h_0 the same;  h_n = SHA-256(h_{n-1} || start || count || hash of the child), all numbers of 8 bytes
 *
 * So whoever could make two different sets of events have one digest could break SHA-256. A sum of hashes, which would be
 * kept up to date more easily, is not like that: with 2^16 events to choose from, 256 bits of a sum fall to 2^15 work.
 *
 * Pure; the same for every store. */
#ifndef STORE_DIGEST_H
#define STORE_DIGEST_H

#include "base/clock.h"
#include "base/slice.h"
#include "sign/sign.h"

enum digest_level { DIGEST_DAY, DIGEST_HOUR, DIGEST_MINUTE, DIGEST_SECOND, DIGEST_EVENT, DIGEST_LEVEL_COUNT };

struct digest_node {
	int64_t start; /* seconds since 1970 */
	int64_t count;
	unsigned char hash[SHA256_BYTES];
};

struct digest_event {
	int64_t at; /* the id, which is its time */
	struct slice id;
	unsigned char sha256[SHA256_BYTES]; /* of the body */
	struct slice type;		    /* of the event; absent: the journal knows none */
};

const char *digest_level_name(enum digest_level level);
MUST_CHECK bool digest_level_parse(struct slice name, enum digest_level *out);
int64_t digest_seconds(enum digest_level level); /* that one node covers; of an event 0 */
int64_t digest_start(enum digest_level level, int64_t at);

void digest_begin(struct digest_node *node, int64_t start);
void digest_add(struct digest_node *node, struct slice id, const unsigned char sha256_of_body[static SHA256_BYTES]);
void digest_join(struct digest_node *parent, const struct digest_node *child);

#endif
