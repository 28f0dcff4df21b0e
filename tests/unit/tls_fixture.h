/* TLS for the tests of transports: certificates that are made on the spot, and the server's side of a connection. */
#ifndef TEST_TLS_FIXTURE_H
#define TEST_TLS_FIXTURE_H

#include "http_server.h"

#include <openssl/ssl.h>

enum { PEM_BYTES = 4096 };

struct party {
	EVP_PKEY *key;
	X509 *certificate;
	char certificate_pem[PEM_BYTES], key_pem[PEM_BYTES];
};

/* For these subjects (NULL: none), from two hours ago until in so many seconds. Signed by `by`; NULL: by itself, as an
 * authority. */
void party_make(struct party *party, const char *name, const char *subjects, long seconds, const struct party *by);
void party_free(struct party *party);

/* `begin` of a server whose context is an SSL_CTX. */
bool tls_begin(struct http_server *server, struct http_wire *wire);

#endif
