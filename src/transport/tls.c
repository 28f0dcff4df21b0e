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
};

/* Called from within handshakes and reads. */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	const struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	tls->options.session(SSL_get_app_data(ssl), session);
	return 1;
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
	BIO_meth_free(tls->method);
	free(tls);
}

void
tls_start(struct tls *tls, int lane, struct stream *stream, const char *host, bool is_address, SSL_SESSION *session)
{
	SSL *ssl = SSL_new(tls->contexts[lane]);
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
	const char *reason =
	    verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : ERR_reason_error_string(ERR_peek_error());
	snprintf(problem, TLS_PROBLEM_BYTES, "%s", reason != NULL ? reason : "the connection ended in the handshake");
	return STREAM_BROKEN;
}
