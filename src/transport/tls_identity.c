#include "transport/tls_identity.h"

#include "base/buf.h"
#include "base/encode.h"
#include "transport/pem.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct tls_identity {
	atomic_uint references;
	unsigned char digest[SHA256_BYTES];
	bool tls13_only;
	struct wall_time expires;
	X509 *certificate;
	STACK_OF(X509) * chain; /* behind the certificate */
	EVP_PKEY *key;
	X509_STORE *authorities;
	struct slice certificate_pem, authorities_pem;
	struct secret key_pem;
	struct arena arena;
};

/* --- reading ------------------------------------------------------------------------------------------ */

struct wall_time
certificate_expires(const X509 *certificate)
{
	struct tm parts;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1)
		return WALL_NONE;
	return (struct wall_time){(int64_t)timegm(&parts) * 1000000};
}

static struct wall_time
certificate_begins(const X509 *certificate)
{
	struct tm parts;
	if (ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &parts) != 1)
		return WALL_NONE;
	return (struct wall_time){(int64_t)timegm(&parts) * 1000000};
}

static struct slice
name_text(struct arena *arena, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	ENSURE(bio != NULL);
	char *bytes = NULL;
	X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
	long length = BIO_get_mem_data(bio, &bytes);
	struct slice text = arena_copy(arena, length > 0 ? (struct slice){bytes, (size_t)length} : SLICE(""));
	BIO_free(bio);
	return text;
}

bool
certificate_facts(struct arena *arena, struct slice pem, struct certificate_facts *out)
{
	STACK_OF(X509) *all = slice_present(pem) && pem.len <= TLS_IDENTITY_PEM_BYTES
				  ? pem_certificates(pem, TLS_IDENTITY_CERTIFICATES)
				  : NULL;
	if (all == NULL)
		return false;
	const X509 *first = sk_X509_value(all, 0);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	ENSURE(X509_digest(first, EVP_sha256(), digest, &length) == 1 && length == SHA256_BYTES);
	*out = (struct certificate_facts){
	    .subject = name_text(arena, X509_get_subject_name(first)),
	    .issuer = name_text(arena, X509_get_issuer_name(first)),
	    .not_before = certificate_begins(first),
	    .not_after = certificate_expires(first),
	};
	struct buf hex = {.data = out->fingerprint, .capacity = 2 * SHA256_BYTES, .max = 2 * SHA256_BYTES};
	hex_append(&hex, (struct slice){(const char *)digest, length});
	sk_X509_pop_free(all, X509_free);
	return true;
}

/* --- making ------------------------------------------------------------------------------------------- */

static enum error_code
take_certificate(struct tls_identity *identity, const struct tls_identity_options *options, struct error *error)
{
	if (slice_present(options->certificate) != slice_present(options->key))
		return error_set(error, ERR_INVALID, "a client certificate and its key belong together: give both");
	if (!slice_present(options->certificate))
		return OK;
	identity->chain = pem_certificates(options->certificate, TLS_IDENTITY_CERTIFICATES);
	if (identity->chain == NULL)
		return error_set(error, ERR_INVALID, "the client certificate must be PEM, the endpoint's own first");
	identity->certificate = sk_X509_shift(identity->chain);
	identity->key = pem_key(options->key);
	if (identity->key == NULL)
		return error_set(
		    error, ERR_INVALID, "the client key must be a private key in PEM that is not encrypted");
	if (X509_check_private_key(identity->certificate, identity->key) != 1) {
		ERR_clear_error();
		return error_set(error, ERR_INVALID, "the client key is not that of the client certificate");
	}
	identity->expires = certificate_expires(identity->certificate);
	for (int i = 0; i < sk_X509_num(identity->chain); i++) {
		struct wall_time expires = certificate_expires(sk_X509_value(identity->chain, i));
		if (expires.us != 0 && expires.us < identity->expires.us)
			identity->expires = expires;
	}
	identity->certificate_pem = arena_copy(&identity->arena, options->certificate);
	identity->key_pem = secret_copy(options->key);
	return OK;
}

static enum error_code
take_authorities(struct tls_identity *identity, const struct tls_identity_options *options, struct error *error)
{
	if (!slice_present(options->authorities))
		return OK;
	STACK_OF(X509) *all = pem_certificates(options->authorities, TLS_IDENTITY_CERTIFICATES);
	if (all == NULL)
		return error_set(error, ERR_INVALID, "the authorities must be certificates in PEM, at most %d of them",
		    TLS_IDENTITY_CERTIFICATES);
	identity->authorities = X509_STORE_new();
	ENSURE(identity->authorities != NULL);
	for (int i = 0; i < sk_X509_num(all); i++)
		ENSURE(X509_STORE_add_cert(identity->authorities, sk_X509_value(all, i)) == 1);
	/* An intermediate that is named is trusted as it stands, as an operator would expect. */
	X509_STORE_set_flags(identity->authorities, X509_V_FLAG_PARTIAL_CHAIN);
	sk_X509_pop_free(all, X509_free);
	identity->authorities_pem = arena_copy(&identity->arena, options->authorities);
	return OK;
}

/* What OpenSSL would refuse at the first connection (a weak key, a digest of the last century) is refused here. */
static enum error_code
try_out(const struct tls_identity *identity, struct error *error)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	ENSURE(context != NULL);
	bool good = tls_identity_apply(identity, context);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	enum error_code code = good ? OK
				    : error_set(error, ERR_INVALID, "the client certificate is not usable: %s",
					  reason != NULL ? reason : "OpenSSL refuses it");
	ERR_clear_error();
	SSL_CTX_free(context);
	return code;
}

/* Every part with its length before it, so that no two lists of parts look alike. */
static void
set_digest(struct tls_identity *identity, const struct tls_identity_options *options)
{
	struct buf text;
	buf_init(&text, 4 * (size_t)TLS_IDENTITY_PEM_BYTES);
	buf_printf(&text, "%" PRId64 " %d\n", options->party, options->tls13_only);
	const struct slice parts[] = {options->certificate, options->key, options->authorities};
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		buf_printf(&text, "%zu\n", parts[i].len);
		buf_append(&text, slice_present(parts[i]) ? parts[i] : SLICE(""));
	}
	ENSURE(!text.overflow);
	sha256(buf_slice(&text), identity->digest);
	explicit_bzero(text.data, text.len);
	buf_free(&text);
}

enum error_code
tls_identity_new(const struct tls_identity_options *options, struct tls_identity **out, struct error *error)
{
	*out = NULL;
	const struct slice parts[] = {options->certificate, options->key, options->authorities};
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (parts[i].len > TLS_IDENTITY_PEM_BYTES)
			return error_set(error, ERR_INVALID, "certificates and keys may have at most %d bytes each",
			    TLS_IDENTITY_PEM_BYTES);
	struct tls_identity *identity = mem_zero(1, sizeof *identity);
	atomic_init(&identity->references, 1);
	identity->tls13_only = options->tls13_only;
	ERR_clear_error();
	enum error_code code = take_certificate(identity, options, error);
	if (code == OK)
		code = take_authorities(identity, options, error);
	if (code == OK)
		code = try_out(identity, error);
	if (code != OK) {
		tls_identity_unref(identity);
		return code;
	}
	set_digest(identity, options);
	*out = identity;
	return OK;
}

struct tls_identity *
tls_identity_ref(struct tls_identity *identity)
{
	if (identity != NULL)
		atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
	return identity;
}

void
tls_identity_unref(struct tls_identity *identity)
{
	if (identity == NULL || atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) != 1)
		return;
	X509_free(identity->certificate);
	sk_X509_pop_free(identity->chain, X509_free);
	EVP_PKEY_free(identity->key);
	X509_STORE_free(identity->authorities);
	secret_free(&identity->key_pem);
	arena_free(&identity->arena);
	free(identity);
}

/* --- using -------------------------------------------------------------------------------------------- */

const unsigned char *
tls_identity_digest(const struct tls_identity *identity)
{
	return identity->digest;
}

struct wall_time
tls_identity_expires(const struct tls_identity *identity)
{
	return identity->expires;
}

bool
tls_identity_apply(const struct tls_identity *identity, SSL_CTX *context)
{
	if (SSL_CTX_set_min_proto_version(context, identity->tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION) != 1)
		return false;
	if (identity->authorities != NULL)
		SSL_CTX_set1_cert_store(context, identity->authorities);
	if (identity->certificate == NULL)
		return true;
	return SSL_CTX_use_cert_and_key(context, identity->certificate, identity->key, identity->chain, 1) == 1;
}

struct slice
tls_identity_certificate(const struct tls_identity *identity)
{
	return identity->certificate_pem;
}

struct slice
tls_identity_key(const struct tls_identity *identity)
{
	return secret_reveal(&identity->key_pem);
}

struct slice
tls_identity_authorities(const struct tls_identity *identity)
{
	return identity->authorities_pem;
}

bool
tls_identity_tls13_only(const struct tls_identity *identity)
{
	return identity->tls13_only;
}
