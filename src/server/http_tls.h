/* TLS in front of HTTP: our certificate, which may be exchanged while the server runs, and what clients' certificates say.
 *
 * TLS 1.2 or newer. Where there is a file of authorities, clients are asked for a certificate; they need not have one, and
 * whoever answers them decides (access.h). Whether one is trusted is decided here, by those authorities, its time and its
 * purpose. Of one thread; GnuTLS, because libmicrohttpd is built on it. */
#ifndef SERVER_HTTP_TLS_H
#define SERVER_HTTP_TLS_H

#include "base/alloc.h"
#include "base/error.h"

#include <gnutls/abstract.h>

struct http_tls;

struct http_tls_options {
	const char *certificate; /* PEM: ours, then those that lead to its authority */
	const char *key;	 /* PEM */
	const char *authorities; /* PEM: who vouches for clients; NULL: clients are not asked */
};

MUST_CHECK enum error_code http_tls_new(
    const struct http_tls_options *options, struct http_tls **out, struct error *error);
void http_tls_free(struct http_tls *tls); /* after its connections have ended */
/* Reads the files again where they are not what they were. On an error what was read before stays; OK with `*changed`
 * false: nothing to read. */
MUST_CHECK enum error_code http_tls_reload(struct http_tls *tls, bool *changed, struct error *error);

/* What a client's certificate says. */
struct http_certificate {
	bool present, trusted;
	struct slice sha256;	 /* of its DER, in lower-case hex */
	struct slice subject;	 /* RFC 4514 */
	struct slice_list names; /* of subjectAltName: "dns:a.example", "uri:spiffe://…" */
};

/* Slices live in `arena`. */
void http_tls_client(
    const struct http_tls *tls, gnutls_session_t session, struct arena *arena, struct http_certificate *out);
/* For the daemon: GnuTLS's retrieve function, and the authorities' PEM (NULL: none). */
int http_tls_retrieve(
    const struct http_tls *tls, gnutls_pcert_st **certificates, unsigned *count, gnutls_privkey_t *key);
const char *http_tls_authorities(const struct http_tls *tls);

#endif
