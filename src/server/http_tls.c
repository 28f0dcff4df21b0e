#include "server/http_tls.h"

#include "base/buf.h"
#include "base/limits.h"
#include "transport/pem.h"
#include "transport/stream.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHAIN_MAX = 8, AUTHORITIES_MAX = 1024 };

struct file_seen {
	struct timespec modified;
	ino_t inode;
	off_t bytes;
};

/* What was read together. */
struct generation {
	SSL_CTX *context;	 /* connections hold references of their own */
	X509_STORE *authorities; /* NULL: clients are not asked */
};

struct http_tls {
	struct http_tls_options options;
	struct file_seen seen[3];
	struct generation now;
};

/* --- reading ------------------------------------------------------------------------------------------ */

static void
generation_fini(struct generation *generation)
{
	SSL_CTX_free(generation->context);
	X509_STORE_free(generation->authorities);
	*generation = (struct generation){NULL, NULL};
}

static enum error_code
read_file(const char *path, struct buf *out, struct error *error)
{
	buf_init(out, LIMIT_CONFIG_BYTES);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : 1;
	while (got > 0) {
		char *room = buf_reserve(out, 4096);
		got = room == NULL ? -1 : read(fd, room, 4096);
		out->len += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	if (got == 0)
		return OK;
	return error_set(error, ERR_IO, "%s: it cannot be read; expected a PEM file", path);
}

/* Each must have been issued by the one behind it: clients that build no paths of their own go along the list. */
static bool
is_chain(const STACK_OF(X509) * certificates)
{
	int count = sk_X509_num(certificates);
	for (int i = 0; i + 1 < count; i++)
		if (X509_check_issued(sk_X509_value(certificates, i + 1), sk_X509_value(certificates, i)) != X509_V_OK)
			return false;
	return count > 0 && count <= CHAIN_MAX;
}

static enum error_code
read_chain(const struct http_tls_options *options, SSL_CTX *context, struct error *error)
{
	struct buf text;
	enum error_code code = read_file(options->certificate, &text, error);
	STACK_OF(X509) *all = code == OK ? pem_certificates(buf_slice(&text), CHAIN_MAX + 1) : NULL;
	if (code == OK && (all == NULL || !is_chain(all)))
		code = error_set(error, ERR_INVALID,
		    "%s: expected certificates in PEM, at most %d, ours first and each followed by its issuer's",
		    options->certificate, CHAIN_MAX);
	bool used = code == OK && SSL_CTX_use_certificate(context, sk_X509_value(all, 0)) == 1;
	for (int i = 1; used && i < sk_X509_num(all); i++)
		used = SSL_CTX_add1_chain_cert(context, sk_X509_value(all, i)) == 1;
	if (code == OK && !used)
		code = error_set(
		    error, ERR_INVALID, "%s: OpenSSL refuses it; its key may be too short", options->certificate);
	sk_X509_pop_free(all, X509_free);
	buf_free(&text);
	return code;
}

static enum error_code
read_key(const struct http_tls_options *options, SSL_CTX *context, struct error *error)
{
	struct buf text;
	enum error_code code = read_file(options->key, &text, error);
	EVP_PKEY *key = code == OK ? pem_key(buf_slice(&text)) : NULL;
	if (text.data != NULL)
		explicit_bzero(text.data, text.capacity);
	buf_free(&text);
	if (code == OK && key == NULL)
		code = error_set(
		    error, ERR_INVALID, "%s: expected a private key in PEM, without a password", options->key);
	if (code == OK && X509_check_private_key(SSL_CTX_get0_certificate(context), key) != 1)
		code = error_set(error, ERR_INVALID, "%s: it is not the key of %s", options->key, options->certificate);
	if (code == OK && SSL_CTX_use_PrivateKey(context, key) != 1)
		code = error_set(error, ERR_INVALID, "%s: OpenSSL refuses it", options->key);
	EVP_PKEY_free(key);
	return code;
}

/* Clients are told whom we ask for, so that one with several certificates can choose. */
static void
take_authorities(struct generation *generation, const STACK_OF(X509) * all)
{
	generation->authorities = X509_STORE_new();
	ENSURE(generation->authorities != NULL);
	for (int i = 0; i < sk_X509_num(all); i++)
		ENSURE(X509_STORE_add_cert(generation->authorities, sk_X509_value(all, i)) == 1 &&
		       SSL_CTX_add_client_CA(generation->context, sk_X509_value(all, i)) == 1);
	/* What stands in the file is trusted, whether or not somebody else vouches for it. */
	ENSURE(X509_STORE_set_flags(generation->authorities, X509_V_FLAG_PARTIAL_CHAIN) == 1);
}

static enum error_code
read_authorities(const struct http_tls_options *options, struct generation *out, struct error *error)
{
	if (options->authorities == NULL)
		return OK;
	struct buf text;
	enum error_code code = read_file(options->authorities, &text, error);
	STACK_OF(X509) *all = code == OK ? pem_certificates(buf_slice(&text), AUTHORITIES_MAX) : NULL;
	if (all != NULL)
		take_authorities(out, all);
	else if (code == OK)
		code = error_set(error, ERR_INVALID,
		    "%s: expected the certificates, in PEM, of who vouches for clients", options->authorities);
	sk_X509_pop_free(all, X509_free);
	buf_free(&text);
	return code;
}

/* --- contexts ----------------------------------------------------------------------------------------- */

/* Whoever offers protocols has to offer ours (RFC 7301 section 3.2). */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_bytes, const unsigned char *offered,
    unsigned offered_bytes, void *context)
{
	static const unsigned char http1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
	(void)ssl;
	(void)context;
	unsigned char *chosen = NULL;
	int result = SSL_select_next_proto(&chosen, out_bytes, http1, sizeof http1, offered, offered_bytes);
	*out = chosen;
	return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Not in the handshake: see the head of http_tls.h. */
static int
judge_later(X509_STORE_CTX *verification, void *context)
{
	(void)context;
	X509_STORE_CTX_set_error(verification, X509_V_OK);
	return 1;
}

static SSL_CTX *
context_new(bool asking)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	ENSURE(context != NULL && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
	SSL_CTX_set_mode(
	    context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_dh_auto(context, 1);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	/* Sessions are in tickets alone, which costs no memory. One that is resumed does not show its certificates again, so
	 * where these matter there are none. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	if (asking) {
		SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
		ENSURE(SSL_CTX_set_num_tickets(context, 0) == 1);
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(context, judge_later, NULL);
	}
	return context;
}

static enum error_code
read_generation(const struct http_tls_options *options, struct generation *out, struct error *error)
{
	*out = (struct generation){.context = context_new(options->authorities != NULL)};
	enum error_code code = read_chain(options, out->context, error);
	if (code == OK)
		code = read_key(options, out->context, error);
	if (code == OK)
		code = read_authorities(options, out, error);
	if (code != OK)
		generation_fini(out);
	ERR_clear_error();
	return code;
}

/* --- life --------------------------------------------------------------------------------------------- */

static bool
look(struct http_tls *tls)
{
	const char *paths[] = {tls->options.certificate, tls->options.key, tls->options.authorities};
	bool changed = false;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct stat status;
		if (paths[i] == NULL || stat(paths[i], &status) != 0)
			continue;
		struct file_seen now = {status.st_mtim, status.st_ino, status.st_size}, *seen = &tls->seen[i];
		changed = changed || now.inode != seen->inode || now.bytes != seen->bytes ||
			  now.modified.tv_sec != seen->modified.tv_sec ||
			  now.modified.tv_nsec != seen->modified.tv_nsec;
		*seen = now;
	}
	return changed;
}

enum error_code
http_tls_new(const struct http_tls_options *options, struct http_tls **out, struct error *error)
{
	*out = NULL;
	if (options->certificate == NULL || options->key == NULL)
		return error_set(error, ERR_INVALID, "--tls-cert and --tls-key: expected both of them");
	struct http_tls *tls = mem_zero(1, sizeof *tls);
	tls->options = *options;
	(void)look(tls);
	enum error_code code = read_generation(options, &tls->now, error);
	if (code != OK)
		free(tls);
	else
		*out = tls;
	return code;
}

void
http_tls_free(struct http_tls *tls)
{
	if (tls == NULL)
		return;
	generation_fini(&tls->now);
	free(tls);
}

enum error_code
http_tls_reload(struct http_tls *tls, bool *changed, struct error *error)
{
	*changed = look(tls);
	if (!*changed)
		return OK;
	struct generation fresh;
	enum error_code code = read_generation(&tls->options, &fresh, error);
	if (code != OK)
		return code;
	generation_fini(&tls->now);
	tls->now = fresh;
	return OK;
}

bool
http_tls_asks(const struct http_tls *tls)
{
	return tls->now.authorities != NULL;
}

/* --- connections -------------------------------------------------------------------------------------- */

bool
http_tls_start(struct http_tls *tls, const BIO_METHOD *method, struct stream *stream)
{
	SSL *ssl = SSL_new(tls->now.context);
	BIO *bio = BIO_new(method);
	if (ssl == NULL || bio == NULL) {
		SSL_free(ssl);
		BIO_free(bio);
		return false;
	}
	BIO_set_data(bio, stream);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_accept_state(ssl);
	stream->tls = ssl;
	return true;
}

long
http_tls_shake(struct stream *stream)
{
	ERR_clear_error();
	int result = SSL_do_handshake(stream->tls);
	if (result == 1)
		return 0;
	int error = SSL_get_error(stream->tls, result);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return STREAM_WAIT;
	stream->broken = true;
	ERR_clear_error();
	return STREAM_BROKEN;
}

void
http_tls_client(
    const struct http_tls *tls, const struct stream *stream, struct arena *arena, struct http_certificate *out)
{
	http_certificate_read(tls->now.authorities, stream->tls, arena, out);
}
