/* The text of a new token. It is random; but where the client sent an idempotency key it is derived, so that a repeat can be
 * answered with the same text although only its hash is kept: from the sealing key, what the idempotency key stands for, the
 * body, and the time at which the token was made. The time is the stored token's, so that the same key, used again when it
 * is no longer remembered, makes another token and never one that was revoked. */
#ifndef SERVER_TOKEN_TEXT_H
#define SERVER_TOKEN_TEXT_H

#include "server/call.h"

/* For a request that makes a token, with its idempotency (if any) set: the text, and its hash in request->token. */
struct slice token_text_make(struct call *call, struct store_request *request);
/* After it succeeded, also as a repeat: the text of the token that there is, or of the one that waits for a second person.
 * Absent: the sealing key is another one since, so that it cannot be said again; answered (409). */
struct slice token_text_of(struct call *call, const struct store_request *request, struct slice made);

#endif
