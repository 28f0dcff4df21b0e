/* TLS for the own client: 1.2 or newer, always verified, one context for each lane. A session is resumed for as long as
 * its owner keeps it; resuming skips the certificate, so the owner keeps it no longer than a connection. */
#ifndef TRANSPORT_TLS_H
#define TRANSPORT_TLS_H

#include "base/error.h"
#include "transport/stream.h"

enum { TLS_LANES = 2, TLS_PROBLEM_BYTES = 120 };

struct tls;

struct tls_options {
	const char *authorities; /* a PEM file; NULL: nobody is trusted */
	/* A session that the stream's peer lets us resume; the callee owns it. */
	void (*session)(struct stream *stream, SSL_SESSION *session);
};

MUST_CHECK enum error_code tls_new(const struct tls_options *options, struct tls **out, struct error *error);
void tls_free(struct tls *tls);
/* Puts TLS on a connected stream, which must stay where it is. `host` is a name or, where `is_address`, an address: the
 * certificate must be for it. `session` may be NULL. */
void tls_start(
    struct tls *tls, int lane, struct stream *stream, const char *host, bool is_address, SSL_SESSION *session);
/* 0: done; else STREAM_WAIT, or STREAM_BROKEN with the reason in `problem`. */
long tls_shake(struct stream *stream, char problem[static TLS_PROBLEM_BYTES]);

#endif
