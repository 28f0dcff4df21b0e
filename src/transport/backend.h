/* What stands behind transport.h: one table of functions for each kind of transport. Private to the transport.
 *
 * A kind's own structure begins with a struct transport. `open` sets `*out` and leaves `backend` to the dispatcher; the
 * other functions keep what transport.h says of theirs. */
#ifndef TRANSPORT_BACKEND_H
#define TRANSPORT_BACKEND_H

#include "transport/transport.h"

struct transport_backend {
	enum error_code (*open)(const struct transport_options *options, struct transport **out, struct error *error);
	void (*send)(struct transport *transport, struct transmission *transmission);
	int64_t (*turn)(struct transport *transport);
	void (*retire)(struct transport *transport, const struct tls_identity *identity);
	void (*free)(struct transport *transport);
};

struct transport {
	const struct transport_backend *backend;
};

extern const struct transport_backend transport_own, transport_curl;

/* The file of certificate authorities: SSL_CERT_FILE as OpenSSL reads it, what is `preferred` (which may be NULL), or what
 * the distributions call it. NULL, and a warning: there is none, and https will fail. */
const char *transport_authorities(const char *preferred, const struct log *log);

#endif
