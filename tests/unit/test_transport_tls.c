/* TLS: certificates are verified, against the system's authorities or those that SSL_CERT_FILE names. */
#include "transport_fixture.h"

#include "base/macros.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

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

static bool
tls_begin(struct http_server *server, struct http_wire *wire)
{
	SSL *tls = SSL_new(server->context);
	wire->tls = tls;
	wire->read = tls_read;
	wire->write = tls_write;
	wire->end = tls_end;
	return SSL_set_fd(tls, wire->fd) == 1 && SSL_accept(tls) == 1;
}

/* Signed by its own key, for 127.0.0.1 and no name. */
static X509 *
make_certificate(EVP_PKEY *key, long seconds)
{
	X509 *certificate = X509_new();
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
	X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
	X509_set_pubkey(certificate, key);
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
	X509_add_ext(certificate, names, -1);
	X509_EXTENSION_free(names);
	ENSURE(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

struct tls_fixture {
	struct fixture fixture; /* first: the fixture's functions take it for theirs */
	SSL_CTX *context;
	char authority[64]; /* file with the certificate */
};

static void
begin(struct tls_fixture *tls, long seconds, int newest)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = make_certificate(key, seconds);
	tls->context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(tls->context, 0);
	SSL_CTX_set_min_proto_version(tls->context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(tls->context, newest);
	ENSURE(SSL_CTX_use_certificate(tls->context, certificate) == 1);
	ENSURE(SSL_CTX_use_PrivateKey(tls->context, key) == 1);
	snprintf(tls->authority, sizeof tls->authority, "/tmp/test-transport-tls-XXXXXX");
	FILE *file = fdopen(mkstemp(tls->authority), "w");
	ENSURE(file != NULL && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0);
	X509_free(certificate);
	EVP_PKEY_free(key);
	tls->fixture.server.context = tls->context;
}

static int
setup(void **state, enum transport_kind kind)
{
	struct tls_fixture *tls = calloc(1, sizeof *tls);
	tls->fixture.kind = kind;
	alarm(60);
	tls->fixture.server.begin = tls_begin;
	http_server_start(&tls->fixture.server);
	*state = tls;
	return 0;
}

static int
setup_own(void **state)
{
	return setup(state, TRANSPORT_OWN);
}

static int
setup_curl(void **state)
{
	return setup(state, TRANSPORT_CURL);
}

static int
teardown(void **state)
{
	struct tls_fixture *tls = *state;
	http_server_stop(&tls->fixture.server);
	SSL_CTX_free(tls->context);
	unlink(tls->authority);
	unsetenv("SSL_CERT_FILE");
	free(tls);
	return 0;
}

static struct transmission *
exchange(struct tls_fixture *tls, const char *host)
{
	struct transmission *transmission = fixture_post(&tls->fixture, host, "/200");
	fixture_dispatch(&tls->fixture, transmission);
	loop_run(tls->fixture.loop);
	return transmission;
}

static void
test_known_authority(void **state)
{
	struct tls_fixture *tls = *state;
	begin(tls, 3600, TLS1_3_VERSION);
	setenv("SSL_CERT_FILE", tls->authority, 1);
	fixture_start(&tls->fixture, "127.0.0.1", false);
	tls->fixture.again = 9;
	struct transmission *transmission = fixture_post(&tls->fixture, "https://127.0.0.1", "/200");
	tls->fixture.expected = 10;
	fixture_dispatch(&tls->fixture, transmission);
	loop_run(tls->fixture.loop);
	fixture_assert_answer(transmission, 200, "ok");
	assert_int_equal(atomic_load(&tls->fixture.server.request_count), 10);
	assert_int_equal(atomic_load(&tls->fixture.server.connection_count), 1);
	fixture_stop(&tls->fixture);
}

static void
assert_no_tls(struct tls_fixture *tls, const char *host)
{
	fixture_start(&tls->fixture, "127.0.0.1", false);
	fixture_assert_problem(exchange(tls, host), TRANSMISSION_UNREACHABLE, "no TLS: ");
	assert_int_equal(atomic_load(&tls->fixture.server.request_count), 0);
	fixture_stop(&tls->fixture);
}

static void
test_unknown_authority(void **state)
{
	begin(*state, 3600, TLS1_3_VERSION);
	assert_no_tls(*state, "https://127.0.0.1");
}

static void
test_expired(void **state)
{
	struct tls_fixture *tls = *state;
	begin(tls, -3600, TLS1_3_VERSION);
	setenv("SSL_CERT_FILE", tls->authority, 1);
	assert_no_tls(tls, "https://127.0.0.1");
}

static void
test_other_name(void **state)
{
	struct tls_fixture *tls = *state;
	begin(tls, 3600, TLS1_3_VERSION);
	setenv("SSL_CERT_FILE", tls->authority, 1);
	assert_no_tls(tls, "https://localhost");
}

static void
test_old_protocol(void **state)
{
	struct tls_fixture *tls = *state;
	begin(tls, 3600, TLS1_1_VERSION);
	setenv("SSL_CERT_FILE", tls->authority, 1);
	assert_no_tls(tls, "https://127.0.0.1");
}

#define TLS_TEST_KIND(test, setup) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define TLS_TEST(test) TLS_TEST_KIND(test, setup_own), TLS_TEST_KIND(test, setup_curl)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TLS_TEST(test_known_authority),
	    TLS_TEST(test_unknown_authority),
	    TLS_TEST(test_expired),
	    TLS_TEST(test_other_name),
	    TLS_TEST(test_old_protocol),
	};
	/* OpenSSL writes to the test server's closed connections without MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
