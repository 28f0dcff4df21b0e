/* What an endpoint's answer says of the credentials that it was sent: servers echo requests in their errors, and an
 * attempt's answer is shown to many who may not see an endpoint's custom headers and authentication (M16, M25).
 *
 * What it is: their values, as they were sent, decoded or escaped as JSON, are replaced before the answer is kept. What it
 * is not: a guess at secrets that were not sent. A value below ECHO_BYTES_MIN tells nothing from any other text and stays. */
#ifndef DELIVER_ECHO_H
#define DELIVER_ECHO_H

#include "base/alloc.h"
#include "sign/sign.h"

enum { ECHO_BYTES_MIN = 6 };

/* At most `max` bytes of the answer: itself, or a copy in the arena. `sent` are the request's headers. */
struct slice echo_hide(struct arena *arena, const struct http_headers *sent, struct slice answer, size_t max);

#endif
