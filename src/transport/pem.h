/* Certificates and keys in PEM, read with OpenSSL: those of endpoints (tls_identity.h) and those of our own server. */
#ifndef TRANSPORT_PEM_H
#define TRANSPORT_PEM_H

#include "base/slice.h"

#include <openssl/x509.h>

/* All certificates of the text; NULL where there is none, one of them is broken, or there are more than `max`. */
STACK_OF(X509) * pem_certificates(struct slice pem, int max);
/* NULL where there is none, or it asks for a password. */
EVP_PKEY *pem_key(struct slice pem);

#endif
