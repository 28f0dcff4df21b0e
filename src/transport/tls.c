#include "transport/tls.h"

#include "base/alloc.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct tls {
	struct tls_options options;
	BIO_METHOD *method;
	SSL_CTX *contexts[TLS_LANES];
	struct kept {
		unsigned char digest[SHA256_BYTES];
		SSL_CTX *context;
		uint64_t used; /* when, counted in uses */
	} kept[TLS_CONTEXTS_MAX];
	size_t kept_count;
	uint64_t uses;
};

/* Called from within handshakes and reads. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	const struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	tls->options.session(SSL_get_app_data(ssl), session);
	return 1;
}

/* Called where the peer asks for a certificate and the context has none. */
static int
on_asked(SSL *ssl, X509 **certificate, EVP_PKEY **key)
{
	(void)certificate;
	(void)key;
	struct stream *stream = SSL_get_app_data(ssl);
	stream->asked = true;
	return 0;
}

static SSL_CTX *
context_new(struct tls *tls)
{
	static const unsigned char http1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (context == NULL)
		return NULL;
	SSL_CTX_set_app_data(context, tls);
	SSL_CTX_set_mode(
	    context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	/* A whole record with one system call, instead of its head and then the rest. */
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_session);
	SSL_CTX_set_client_cert_cb(context, on_asked);
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_alpn_protos(context, http1, sizeof http1) == 0)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

enum error_code
tls_new(const struct tls_options *options, struct tls **out, struct error *error)
{
	struct tls *tls = mem_zero(1, sizeof *tls);
	tls->options = *options;
	tls->method = stream_method_new();
	*out = NULL;
	for (int i = 0; i < TLS_LANES; i++) {
		tls->contexts[i] = context_new(tls);
		if (tls->contexts[i] == NULL) {
			tls_free(tls);
			return error_set(error, ERR_INTERNAL, "OpenSSL gives no context");
		}
	}
	if (options->authorities != NULL && SSL_CTX_load_verify_file(tls->contexts[0], options->authorities) != 1) {
		tls_free(tls);
		return error_set(error, ERR_INVALID, "%s: expected certificates in PEM form", options->authorities);
	}
	/* Parsing a hundred authorities takes tens of milliseconds: once is enough. */
	for (int i = 1; i < TLS_LANES; i++)
		SSL_CTX_set1_cert_store(tls->contexts[i], SSL_CTX_get_cert_store(tls->contexts[0]));
	*out = tls;
	return OK;
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	for (int i = 0; i < TLS_LANES; i++)
		SSL_CTX_free(tls->contexts[i]);
	for (size_t i = 0; i < tls->kept_count; i++)
		SSL_CTX_free(tls->kept[i].context);
	BIO_meth_free(tls->method);
	free(tls);
}

/* --- contexts of identities ---------------------------------------------------------------------------- */

static struct kept *
kept_find(struct tls *tls, const struct tls_identity *identity)
{
	for (size_t i = 0; i < tls->kept_count; i++)
		if (memcmp(tls->kept[i].digest, tls_identity_digest(identity), SHA256_BYTES) == 0)
			return &tls->kept[i];
	return NULL;
}

static void
kept_remove(struct tls *tls, struct kept *kept)
{
	/* What is connected under it holds a reference of its own. */
	SSL_CTX_free(kept->context);
	*kept = tls->kept[--tls->kept_count];
}

static struct kept *
kept_oldest(struct tls *tls)
{
	struct kept *oldest = &tls->kept[0];
	for (size_t i = 1; i < tls->kept_count; i++)
		if (tls->kept[i].used < oldest->used)
			oldest = &tls->kept[i];
	return oldest;
}

/* NULL: OpenSSL gives none. */
static SSL_CTX *
context_of(struct tls *tls, int lane, const struct tls_identity *identity)
{
	if (identity == NULL)
		return tls->contexts[lane];
	struct kept *kept = kept_find(tls, identity);
	if (kept == NULL) {
		SSL_CTX *context = context_new(tls);
		if (context == NULL)
			return NULL;
		SSL_CTX_set1_cert_store(context, SSL_CTX_get_cert_store(tls->contexts[0]));
		if (!tls_identity_apply(identity, context)) {
			SSL_CTX_free(context);
			return NULL;
		}
		if (tls->kept_count == TLS_CONTEXTS_MAX)
			kept_remove(tls, kept_oldest(tls));
		kept = &tls->kept[tls->kept_count++];
		kept->context = context;
		memcpy(kept->digest, tls_identity_digest(identity), SHA256_BYTES);
	}
	kept->used = ++tls->uses;
	return kept->context;
}

void
tls_forget(struct tls *tls, const struct tls_identity *identity)
{
	struct kept *kept = kept_find(tls, identity);
	if (kept != NULL)
		kept_remove(tls, kept);
}

/* --- handshakes --------------------------------------------------------------------------------------- */

bool
tls_start(struct tls *tls, int lane, const struct tls_identity *identity, struct stream *stream, const char *host,
    bool is_address, SSL_SESSION *session)
{
	SSL_CTX *context = context_of(tls, lane, identity);
	if (context == NULL)
		return false;
	SSL *ssl = SSL_new(context);
	BIO *bio = BIO_new(tls->method);
	ENSURE(ssl != NULL && bio != NULL);
	BIO_set_data(bio, stream);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_app_data(ssl, stream);
	SSL_set_connect_state(ssl);
	X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
	X509_VERIFY_PARAM_set_hostflags(
	    rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (is_address) {
		ENSURE(X509_VERIFY_PARAM_set1_ip_asc(rules, host) == 1);
	} else {
		/* The name without the dot that may end it (RFC 6066 section 3). */
		char name[256];
		snprintf(name, sizeof name, "%s", host);
		size_t length = strlen(name);
		if (length > 1 && name[length - 1] == '.')
			name[length - 1] = '\0';
		ENSURE(X509_VERIFY_PARAM_set1_host(rules, name, 0) == 1);
		ENSURE(SSL_set_tlsext_host_name(ssl, name) == 1);
	}
	if (session != NULL)
		(void)SSL_set_session(ssl, session);
	stream->tls = ssl;
	return true;
}

struct wall_time
tls_peer_expires(const struct stream *stream)
{
	const X509 *certificate = stream->tls == NULL ? NULL : SSL_get0_peer_certificate(stream->tls);
	return certificate == NULL ? WALL_NONE : certificate_expires(certificate);
}

long
tls_shake(struct stream *stream, char problem[static TLS_PROBLEM_BYTES])
{
	ERR_clear_error();
	int result = SSL_connect(stream->tls);
	if (result == 1)
		return 0;
	int error = SSL_get_error(stream->tls, result);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return STREAM_WAIT;
	long verdict = SSL_get_verify_result(stream->tls);
	const char *reason = tls_reason(stream->asked, verdict, ERR_peek_error());
	snprintf(problem, TLS_PROBLEM_BYTES, "%s", reason != NULL ? reason : "the connection ended in the handshake");
	return STREAM_BROKEN;
}
