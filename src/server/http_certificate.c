/* What a client's certificate says, and whether it is to be believed. */
#include "base/encode.h"
#include "base/limits.h"
#include "server/http_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { NAMES_MAX = 32, NAME_BYTES_MAX = 255, SHA256_SIZE = 32, STRENGTH = 2 };

/* The client's own is `sent`'s neighbour: OpenSSL keeps them apart. */
static bool
is_trusted(X509_STORE *authorities, X509 *own, STACK_OF(X509) * sent)
{
	X509_STORE_CTX *verification = X509_STORE_CTX_new();
	ENSURE(verification != NULL && X509_STORE_CTX_init(verification, authorities, own, sent) == 1);
	ENSURE(X509_STORE_CTX_set_purpose(verification, X509_PURPOSE_SSL_CLIENT) == 1);
	/* Nothing that is signed with SHA-1, no RSA key below 2,048 bits. */
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(verification), STRENGTH);
	bool trusted = X509_verify_cert(verification) == 1 && X509_STORE_CTX_get_error(verification) == X509_V_OK;
	X509_STORE_CTX_free(verification);
	ERR_clear_error();
	return trusted;
}

static struct slice
fingerprint_of(const X509 *certificate, struct arena *arena)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned bytes = 0;
	ENSURE(X509_digest(certificate, EVP_sha256(), digest, &bytes) == 1 && bytes == SHA256_SIZE);
	struct buf hex;
	buf_init(&hex, 2 * SHA256_SIZE);
	hex_append(&hex, (struct slice){(const char *)digest, bytes});
	struct slice text = arena_copy(arena, buf_slice(&hex));
	buf_free(&hex);
	return text;
}

static struct slice
subject_of(const X509 *certificate, struct arena *arena)
{
	BIO *bio = BIO_new(BIO_s_mem());
	ENSURE(bio != NULL);
	char *bytes = NULL;
	/* Names beyond ASCII as they are (RFC 4514 section 2.4). */
	X509_NAME_print_ex(
	    bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	long length = BIO_get_mem_data(bio, &bytes);
	struct slice text = arena_copy(arena, length > 0 ? (struct slice){bytes, (size_t)length} : SLICE(""));
	BIO_free(bio);
	return text;
}

/* Absent for a kind that nobody asks for, and for a text that could be taken for another one. */
static struct slice
name_of(const GENERAL_NAME *name, struct arena *arena)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	if (type != GEN_DNS && type != GEN_URI)
		return SLICE_NONE;
	struct slice text = {(const char *)ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return SLICE_NONE;
	if (text.len > NAME_BYTES_MAX)
		return SLICE_NONE;
	return arena_printf(arena, "%s:%.*s", type == GEN_DNS ? "dns" : "uri", SLICE_ARG(text));
}

static void
read_names(const X509 *certificate, struct arena *arena, struct http_certificate *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
	out->names.items = arena_alloc(arena, NAMES_MAX * sizeof *out->names.items);
	for (int i = 0; i < count && i < NAMES_MAX; i++) {
		struct slice name = name_of(sk_GENERAL_NAME_value(names, i), arena);
		if (slice_present(name))
			out->names.items[out->names.count++] = name;
	}
	GENERAL_NAMES_free(names);
	ERR_clear_error();
}

void
http_certificate_read(X509_STORE *authorities, const SSL *ssl, struct arena *arena, struct http_certificate *out)
{
	*out = (struct http_certificate){.present = false};
	X509 *own = SSL_get0_peer_certificate(ssl);
	if (own == NULL)
		return;
	out->present = true;
	out->trusted = authorities != NULL && is_trusted(authorities, own, SSL_get_peer_cert_chain(ssl));
	out->sha256 = fingerprint_of(own, arena);
	out->subject = subject_of(own, arena);
	read_names(own, arena, out);
}
