/* Asks a sender for what it knows of one endpoint: its feed, its digests, its manifests. One exchange at a time; it
 * blocks. The URL is the operator's own, so no address is refused; the token is read from its file each time, so that it
 * can be replaced. */
#ifndef RECORDS_FEED_H
#define RECORDS_FEED_H

#include "json/json.h"
#include "transport/fetch.h"

struct feed_settings {
	struct slice url;	 /* of the endpoint: https://…/api/v1/app/ID/endpoint/ID */
	struct slice token_file; /* ends with a NUL */
	const atomic_bool *interrupt;
};

struct feed;

MUST_CHECK enum error_code feed_new(const struct feed_settings *settings, struct feed **out, struct error *error);
void feed_free(struct feed *feed);
/* GET of url/`what`. The object lives in `arena`. ERR_UNAVAILABLE: trying again later makes sense; ERR_FORBIDDEN: the
 * token may not; ERR_NOT_FOUND. The error names the host and what is expected. */
MUST_CHECK enum error_code feed_get(
    struct feed *feed, const char *what, struct arena *arena, struct json *out, struct error *error);
/* Of the URLs asked for and the answers' bodies, since the start; and how many exchanges that was. */
int64_t feed_bytes(const struct feed *feed);
int64_t feed_exchanges(const struct feed *feed);

#endif
