/* Random requests for stores under comparison. */
#ifndef STORE_TESTS_RANDOM_OPS_H
#define STORE_TESTS_RANDOM_OPS_H

#include "harness.h"

enum { KNOWN_MAX = 4096 };

/* Ids that replies have named: what later requests may ask for. */
struct known {
	int64_t organisations[KNOWN_MAX], endpoints[KNOWN_MAX], messages[KNOWN_MAX], attempts[KNOWN_MAX];
	int64_t tokens[KNOWN_MAX], changes[KNOWN_MAX];
	size_t organisation_count, endpoint_count, message_count, attempt_count, token_count, change_count;
};

/* The same random numbers give the same request. */
struct store_request *random_request(struct random *random, const struct known *known, struct wall_time now);
void known_learn(struct known *known, const struct store_request *request);

#endif
