/* What one endpoint asks of TLS beyond the defaults: a client certificate and its key, authorities of its own instead of
 * the system's, TLS 1.3 and nothing older. Immutable and counted, so that requests on their way outlive a change.
 *
 * Two identities with the same digest are the same: the digest covers whose they are (`party`) and every byte of what
 * they are made of, so that a connection made under one is never used under another. */
#ifndef TRANSPORT_TLS_IDENTITY_H
#define TRANSPORT_TLS_IDENTITY_H

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/slice.h"
#include "sign/sign.h"

#include <openssl/ssl.h>

enum { TLS_IDENTITY_PEM_BYTES = 64 << 10, TLS_IDENTITY_CERTIFICATES = 256 };

struct tls_identity_options {
	int64_t party;		  /* an organisation: nobody else's connections are used */
	struct slice certificate; /* PEM, the client's own first, then what leads to its authority; absent: none */
	struct slice key;	  /* PEM, not encrypted; there with a certificate and only then */
	struct slice authorities; /* PEM; absent: the system's */
	bool tls13_only;	  /* else TLS 1.2 or newer */
};

struct tls_identity;

/* ERR_INVALID says which part is not what it should be, and never repeats it. Whether a certificate has expired is not
 * judged: tls_identity_expires. */
MUST_CHECK enum error_code tls_identity_new(
    const struct tls_identity_options *options, struct tls_identity **out, struct error *error);
struct tls_identity *tls_identity_ref(struct tls_identity *identity); /* NULL is fine, in both */
void tls_identity_unref(struct tls_identity *identity);
const unsigned char *tls_identity_digest(const struct tls_identity *identity); /* SHA256_BYTES of them */
/* When the first of the client's certificates expires; WALL_NONE: there is none. */
struct wall_time tls_identity_expires(const struct tls_identity *identity);

/* Makes a context be of this identity: certificate, key, authorities, versions. False: OpenSSL refuses it. */
MUST_CHECK bool tls_identity_apply(const struct tls_identity *identity, SSL_CTX *context);
/* The parts in PEM, for libcurl; absent where there are none. */
struct slice tls_identity_certificate(const struct tls_identity *identity);
struct slice tls_identity_key(const struct tls_identity *identity);
struct slice tls_identity_authorities(const struct tls_identity *identity);
bool tls_identity_tls13_only(const struct tls_identity *identity);

/* What may be shown of a certificate. */
struct certificate_facts {
	struct slice subject, issuer; /* RFC 2253, in the arena */
	struct wall_time not_before, not_after;
	char fingerprint[2 * SHA256_BYTES + 1]; /* SHA-256 of the DER form, in hex */
};
/* Of the first certificate in a PEM text; false: there is none. */
MUST_CHECK bool certificate_facts(struct arena *arena, struct slice pem, struct certificate_facts *out);
/* When a certificate expires; WALL_NONE: it does not say so in a form that can be read. */
struct wall_time certificate_expires(const X509 *certificate);

#endif
