/* TLS in front of HTTP: our certificate, which may be exchanged while the server runs, and what clients' certificates say.
 *
 * TLS 1.2 or newer. Where there is a file of authorities, clients are asked for a certificate; they need not have one, and
 * whoever answers them decides (access.h). Whether one is trusted is decided here, by those authorities, its time and its
 * purpose, when somebody asks: a handshake does not fail for it, so that a client is told why in an answer that it can read.
 * Connections that are open keep the certificate that they began with. Of one thread. */
#ifndef SERVER_HTTP_TLS_H
#define SERVER_HTTP_TLS_H

#include "base/alloc.h"
#include "base/error.h"

#include <openssl/ssl.h>

struct http_tls;
struct stream;

struct http_tls_options {
	const char *certificate; /* PEM: ours, then those that lead to its authority */
	const char *key;	 /* PEM */
	const char *authorities; /* PEM: who vouches for clients; NULL: clients are not asked */
};

MUST_CHECK enum error_code http_tls_new(
    const struct http_tls_options *options, struct http_tls **out, struct error *error);
void http_tls_free(struct http_tls *tls);
/* Reads the files again where they are not what they were. On an error what was read before stays; OK with `*changed`
 * false: nothing to read. */
MUST_CHECK enum error_code http_tls_reload(struct http_tls *tls, bool *changed, struct error *error);

bool http_tls_asks(const struct http_tls *tls); /* clients for a certificate */

/* What a client's certificate says. */
struct http_certificate {
	bool present, trusted;
	struct slice sha256;	 /* of its DER, in lower-case hex */
	struct slice subject;	 /* RFC 4514 */
	struct slice_list names; /* of subjectAltName: "dns:a.example", "uri:spiffe://…" */
};

/* Puts TLS on an accepted stream, which must stay where it is; `method` is stream_method_new's. False: OpenSSL refuses. */
MUST_CHECK bool http_tls_start(struct http_tls *tls, const BIO_METHOD *method, struct stream *stream);
/* 0: done; else STREAM_WAIT, STREAM_BROKEN. */
long http_tls_shake(struct stream *stream);
/* Slices live in `arena`. */
void http_certificate_read(X509_STORE *authorities, const SSL *ssl, struct arena *arena, struct http_certificate *out);
/* The same, of a connection, by the authorities of now. */
void http_tls_client(
    const struct http_tls *tls, const struct stream *stream, struct arena *arena, struct http_certificate *out);

#endif
