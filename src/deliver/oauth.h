/* An OAuth2 client (RFC 6749 section 4.4: client credentials) and the token that it holds. Pure: it writes the request for
 * a token and reads the answer; the sender sends, and keeps those who wait.
 *
 *   NONE ──oauth_request──▶ FETCHING ──answer──▶ HELD ──expires, or is refused──▶ NONE
 *                              └──no token──▶ NONE
 *
 * Invariants
 * 1. One fetch at a time: whoever finds no token while FETCHING waits for that one.
 * 2. A token is used until shortly before it expires; one whose server names no time, for OAUTH_LIFETIME_DEFAULT_S.
 * 3. Nothing of an answer but a code of RFC 6749 section 5.2 ever reaches a problem text. */
#ifndef DELIVER_OAUTH_H
#define DELIVER_OAUTH_H

#include "model/authentication.h"
#include "transport/transport.h"

enum {
	OAUTH_TOKEN_BYTES = 8 << 10, /* of an access token: it becomes a header */
	OAUTH_LIFETIME_DEFAULT_S = 300,
	OAUTH_LIFETIME_MAX_S = 24 * 3600, /* longer ones are asked for anew each day */
	OAUTH_MARGIN_MAX_S = 30,	  /* before it expires, or a fifth of its life where that is less */
	OAUTH_TIMEOUT_MS = 10000,
};

enum oauth_state { OAUTH_NONE, OAUTH_FETCHING, OAUTH_HELD };

struct oauth;

struct oauth *oauth_new(const struct endpoint_authentication *authentication);
void oauth_free(struct oauth *oauth); /* NULL is fine */

enum oauth_state oauth_state(const struct oauth *oauth, struct wall_time now);
/* The header's value for the token that is held, whatever the time, in the arena. */
struct slice oauth_authorization(const struct oauth *oauth, struct arena *arena);
/* Rises with each token, from 1. */
uint64_t oauth_generation(const struct oauth *oauth);
/* Writes the request for a token; FETCHING from here on. Whether it goes out under the endpoint's TLS identity is
 * oauth_wants_endpoint_tls. */
void oauth_request(struct oauth *oauth, struct transmission *out);
bool oauth_wants_endpoint_tls(const struct oauth *oauth);
/* What came of it: true: a token is held; false: why not, in `problem`, without anything secret. */
MUST_CHECK bool oauth_answer(
    struct oauth *oauth, const struct transmission *transmission, struct wall_time now, char problem[static 160]);
/* The endpoint refused the token of this generation: it is not used again. */
void oauth_refused(struct oauth *oauth, uint64_t generation);

#endif
