#include "transport/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

/* A key that asks for a password is refused, not asked for on a terminal. */
static int
no_password(char *out, int bytes, int writing, void *context)
{
	(void)out;
	(void)bytes;
	(void)writing;
	(void)context;
	return -1;
}

static BIO *
open_text(struct slice text)
{
	BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
	ENSURE(bio != NULL);
	return bio;
}

STACK_OF(X509) * pem_certificates(struct slice pem, int max)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	ENSURE(all != NULL);
	BIO *bio = open_text(pem);
	X509 *one;
	while ((one = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL && sk_X509_num(all) < max)
		ENSURE(sk_X509_push(all, one) > 0);
	/* The text has to end here, and not in something that only looks like a certificate. */
	bool ended = one == NULL && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	X509_free(one);
	BIO_free(bio);
	ERR_clear_error();
	if (ended && sk_X509_num(all) > 0)
		return all;
	sk_X509_pop_free(all, X509_free);
	return NULL;
}

EVP_PKEY *
pem_key(struct slice pem)
{
	BIO *bio = open_text(pem);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return key;
}
