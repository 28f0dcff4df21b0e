/* Bearer tokens: known by their hash, looked up in the store, remembered for a second. */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "model/model.h"

enum { AUTH_CACHE_SLOTS = 256, AUTH_CACHE_US = 1000000 };

struct auth_slot {
	struct token token;
	struct wall_time read; /* 0: free */
};

/* Direct-mapped: a token has one slot, so the cache is bounded and needs no sweeping. */
struct auth_cache {
	struct auth_slot slots[AUTH_CACHE_SLOTS];
};

/* The token of an Authorization header; absent when it is not `Bearer` and 1..512 visible characters. */
struct slice auth_bearer(struct slice header);
/* What was read within the last second, or NULL. */
const struct token *auth_cache_get(
    const struct auth_cache *cache, const unsigned char hash[static SHA256_BYTES], struct wall_time now);
void auth_cache_put(struct auth_cache *cache, const struct token *token, struct wall_time now);

bool token_expired(const struct token *token, struct wall_time now);
/* The platform's own token: every organisation. */
bool token_is_platform(const struct token *token);

#endif
