/* The management API as a command sees it: one request after another over one connection.
 *
 * No answer, and answers of 429 or 500 and above, are tried again with a growing pause; a POST carries its idempotency
 * key, the same on every try, so that an answer that was lost makes nothing twice. A DELETE that finds nothing on
 * a second try has done its work on the first. Private to cli. */
#ifndef CLI_API_CLIENT_H
#define CLI_API_CLIENT_H

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "json/json.h"

enum { API_ANSWER_BYTES_MAX = 256 << 20, API_DEPTH_MAX = 2 * LIMIT_JSON_DEPTH };

struct api_client;

struct api_request {
	const char *method;
	struct slice path; /* below /api/v1, with its query: "/app?limit=250" */
	struct slice body; /* absent: none */
	struct slice key;  /* of a POST: tells it from all others of this client */
};

struct api_answer {
	long status;
	struct json body; /* absent: none; valid until the next request */
};

/* `url` of the server, without a path. */
MUST_CHECK enum error_code api_client_new(
    const char *url, const char *token, struct api_client **out, struct error *error);
void api_client_free(struct api_client *client);
/* OK with a 2xx. Else the error says what the server said; ERR_NOT_FOUND for 404, ERR_FORBIDDEN for 403,
 * ERR_UNAUTHENTICATED for 401, ERR_INVALID for other 4xx, ERR_UNAVAILABLE where no answer counted. */
MUST_CHECK enum error_code api_client_call(
    struct api_client *client, const struct api_request *request, struct api_answer *out, struct error *error);

#endif
