#include "tls_fixture.h"

#include "base/macros.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

static long
tls_read(struct http_wire *wire, char *bytes, size_t length)
{
	return SSL_read(wire->tls, bytes, (int)length);
}

static long
tls_write(struct http_wire *wire, const char *bytes, size_t length)
{
	return SSL_write(wire->tls, bytes, (int)length);
}

static void
tls_end(struct http_wire *wire)
{
	SSL_free(wire->tls);
}

bool
tls_begin(struct http_server *server, struct http_wire *wire)
{
	SSL *tls = SSL_new(server->context);
	/* The answer comes in two writes, of which the second would wait for an acknowledgement. */
	(void)setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	wire->tls = tls;
	wire->read = tls_read;
	wire->write = tls_write;
	wire->end = tls_end;
	return SSL_set_fd(tls, wire->fd) == 1 && SSL_accept(tls) == 1;
}

static void
add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	ENSURE(extension != NULL);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

void
party_make(struct party *party, const char *name, const char *subjects, long seconds, const struct party *by)
{
	static long serial = 1;
	*party = (struct party){.key = EVP_EC_gen("P-256")};
	X509 *certificate = party->certificate = X509_new();
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
	X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
	X509_set_pubkey(certificate, party->key);
	X509_NAME_add_entry_by_txt(
	    X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(by == NULL ? certificate : by->certificate));
	if (subjects != NULL)
		add_extension(certificate, NID_subject_alt_name, subjects);
	add_extension(certificate, NID_basic_constraints, by == NULL ? "critical,CA:TRUE" : "CA:FALSE");
	ENSURE(X509_sign(certificate, by == NULL ? party->key : by->key, EVP_sha256()) > 0);
	BIO *bio = BIO_new(BIO_s_mem());
	ENSURE(PEM_write_bio_X509(bio, certificate) == 1);
	ENSURE(BIO_read(bio, party->certificate_pem, PEM_BYTES - 1) > 0);
	ENSURE(PEM_write_bio_PrivateKey(bio, party->key, NULL, NULL, 0, NULL, NULL) == 1);
	ENSURE(BIO_read(bio, party->key_pem, PEM_BYTES - 1) > 0);
	BIO_free(bio);
}

void
party_free(struct party *party)
{
	X509_free(party->certificate);
	EVP_PKEY_free(party->key);
}
