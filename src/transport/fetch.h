/* One HTTP exchange at a time, for whoever may wait: background work and commands. It blocks its thread until there is
 * an answer, an error or the time is over; what sends many at once is transport.h.
 *
 * Invariants
 * 1. Redirects are not followed, proxies not used, certificates always verified (TLS 1.2 or newer).
 * 2. Where there is a guard, no connection is made to an address that it does not allow; it is asked about the address
 *    itself, after resolving. Without one the destination is the operator's own.
 * 3. An error names the host and the cause; never a path, a query, a header or a piece of a body. */
#ifndef TRANSPORT_FETCH_H
#define TRANSPORT_FETCH_H

#include "base/alloc.h"
#include "sign/sign.h"
#include "transport/guard.h"

#include <stdatomic.h>

/* Borrowed, all of it, for as long as the fetcher lives. */
struct fetch_settings {
	const char *authorities; /* a PEM file of whom to trust; NULL: the system's */
	const char *certificate; /* PEM files: this side's certificate and key, where a server asks for one; or NULL */
	const char *key;
	const struct guard *guard; /* NULL: any address */
	bool https_only;
	const atomic_bool *interrupt; /* NULL: never. Once true, a fetch ends within a second, with ERR_UNAVAILABLE */
};

/* Keeps connections from one fetch to the next, so that the pages of a list share one. Of one thread at a time. */
struct fetcher;

MUST_CHECK enum error_code fetcher_new(
    const struct fetch_settings *settings, struct fetcher **out, struct error *error);
void fetcher_free(struct fetcher *fetcher);

struct fetch_request {
	const char *method;	     /* "GET", "POST" … */
	struct slice url;	     /* absolute */
	struct http_headers headers; /* sent as they are; no line breaks in them */
	struct slice body;	     /* absent: none */
	int64_t timeout_ms;	     /* of the whole exchange; 0: 30 s */
	size_t answer_bytes_max;     /* 0: 1 MiB; a longer answer is ERR_LIMIT */
};

/* Whatever the status is: an answer of 500 is an answer. Absent: the header was not there. Several Link headers are one,
 * with commas. */
struct fetch_answer {
	int status;
	struct slice content_type, retry_after, cache_control, link;
	struct slice body; /* never absent */
};

/* Fills `out` with slices that live in `arena`. ERR_INVALID: a URL, or a header, that cannot be used; ERR_LIMIT;
 * ERR_FORBIDDEN: the guard; else ERR_UNAVAILABLE, and trying again later makes sense. */
MUST_CHECK enum error_code fetch(struct fetcher *fetcher, const struct fetch_request *request, struct arena *arena,
    struct fetch_answer *out, struct error *error);

#endif
