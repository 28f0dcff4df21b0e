/* Who may send to a source, before any signature is looked at: from which addresses, and with which client certificate.
 * Pure: no I/O. */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include "server/http_tls.h"
#include "sign/sign.h"
#include "transport/guard.h"

enum { ACCESS_CERTIFICATES_MAX = 16 };

struct access {
	bool by_address;
	struct guard networks; /* what it may send from */
	/* Any of these: "sha256:HEX", "dns:NAME", "uri:URI", "subject:DN". Empty: no certificate is wanted. */
	struct slice_list certificates;
};

/* Lists with commas, absent ones want nothing. ERR_INVALID names the item. Slices live in `arena`. */
MUST_CHECK enum error_code access_parse(
    struct slice allow, struct slice certificates, struct arena *arena, struct access *out, struct error *error);

struct access_client {
	const struct sockaddr *peer; /* who is connected */
	const struct http_headers *headers;
	const struct guard *proxies;		    /* whose X-Forwarded-For is believed */
	const struct http_certificate *certificate; /* NULL: no TLS here */
};

/* VERDICT_VERIFIED: it may; else VERDICT_ADDRESS or VERDICT_CERTIFICATE, with what was expected in `*detail` (static). */
enum verdict access_check(const struct access *access, const struct access_client *client, const char **detail);

#endif
