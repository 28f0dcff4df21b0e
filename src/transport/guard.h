/* The address guard: which addresses an endpoint may resolve to (SSRF, design rule M14).
 *
 * Judges the address that is about to be connected to, after resolving, so a name that changes its answer gains
 * nothing. Refused unless allow-listed: every block that IANA's special-purpose registries (RFC 6890 and its
 * updates) do not mark globally reachable, IPv4 and IPv6, and IPv6 forms that carry an IPv4 address (mapped,
 * compatible, NAT64, 6to4, Teredo), judged by the address that they carry. */
#ifndef TRANSPORT_GUARD_H
#define TRANSPORT_GUARD_H

#include "base/error.h"
#include "base/slice.h"

#include <sys/socket.h>

struct guard_network {
	unsigned char address[16]; /* IPv4 as ::ffff:a.b.c.d */
	int prefix;		   /* 0..128 */
};

enum { GUARD_NETWORKS_MAX = 256 };

struct guard {
	struct guard_network allowed[GUARD_NETWORKS_MAX];
	size_t allowed_count;
};

/* "10.0.0.0/8, fd00::/8"; ERR_INVALID names the item. Empty: nothing special is allowed. */
MUST_CHECK enum error_code guard_parse(struct slice networks, struct guard *out, struct error *error);
/* Whether the address lies in one of the networks that were parsed, whatever else is allowed. */
bool guard_lists(const struct guard *guard, const struct sockaddr *address);
/* May this be connected to? */
bool guard_allows(const struct guard *guard, const struct sockaddr *address);

#endif
