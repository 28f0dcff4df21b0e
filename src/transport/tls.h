/* TLS for the own client: 1.2 or newer, always verified, one context for each lane and for each identity in use. A session is resumed for as long as
 * its owner keeps it; resuming skips the certificate, so the owner keeps it no longer than a connection. */
#ifndef TRANSPORT_TLS_H
#define TRANSPORT_TLS_H

#include "base/error.h"
#include "transport/stream.h"
#include "transport/tls_identity.h"

enum {
	TLS_LANES = 2,
	TLS_PROBLEM_BYTES = 140,
	/* Contexts of identities; the one that was used longest ago goes first. */
	TLS_CONTEXTS_MAX = 256,
};

struct tls;

struct tls_options {
	const char *authorities; /* a PEM file; NULL: nobody is trusted */
	/* A session that the stream's peer lets us resume; the callee owns it. */
	void (*session)(struct stream *stream, SSL_SESSION *session);
};

MUST_CHECK enum error_code tls_new(const struct tls_options *options, struct tls **out, struct error *error);
void tls_free(struct tls *tls);
/* Puts TLS on a connected stream, which must stay where it is. `host` is a name or, where `is_address`, an address: the
 * certificate must be for it. `identity` and `session` may be NULL. False: there is no
 * context for the identity. */
MUST_CHECK bool tls_start(struct tls *tls, int lane, const struct tls_identity *identity, struct stream *stream,
    const char *host, bool is_address, SSL_SESSION *session);
/* The identity's context is used no more; what is connected stays. */
void tls_forget(struct tls *tls, const struct tls_identity *identity);
/* 0: done; else STREAM_WAIT, or STREAM_BROKEN with the reason in `problem`. */
long tls_shake(struct stream *stream, char problem[static TLS_PROBLEM_BYTES]);
/* When the certificate of the peer expires; WALL_NONE: there is none, or it does not say. */
struct wall_time tls_peer_expires(const struct stream *stream);

/* tls_reason.c: what went wrong, in words that an operator can act on: by the verdict on the peer's certificate (an
 * X509_V_ code), OpenSSL's error, and whether the peer `asked` for a certificate that we do not have. NULL: nothing is
 * known. */
const char *tls_reason(bool asked, long verdict, unsigned long error);

#endif
