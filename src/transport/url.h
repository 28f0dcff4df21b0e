/* An absolute http or https URL, taken apart as it stands: nothing is decoded, resolved or brought to another spelling,
 * so that the path that is sent is the path that was signed. */
#ifndef TRANSPORT_URL_H
#define TRANSPORT_URL_H

#include "base/slice.h"

enum { URL_HOST_BYTES = 253 };

struct url {
	bool tls;
	bool bracketed; /* the host is an IPv6 address that stood in brackets */
	uint16_t port;	/* the scheme's own where the URL names none */
	struct slice host;
	struct slice target; /* path and query for the request line; empty or at its query where there is no path */
};

/* NULL, or why nothing can be sent to it. Refuses whatever could mean one thing here and another elsewhere: user names,
 * percent-encoded or non-ASCII hosts, zones, control characters and spaces anywhere. The slices point into `text`. */
MUST_CHECK const char *url_split(struct slice text, struct url *out);
uint16_t url_default_port(bool tls);

#endif
