/* TLS: certificates are verified, against the system's authorities or those that SSL_CERT_FILE names. */
#include "tls_fixture.h"
#include "transport_fixture.h"

#include "base/macros.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct tls_fixture {
	struct fixture fixture; /* first: the fixture's functions take it for theirs */
	SSL_CTX *context;
	char authority[64]; /* file with the certificate */
};

static void
begin_for(struct tls_fixture *tls, const char *subjects, long seconds, int newest)
{
	struct party party;
	party_make(&party, "test", subjects, seconds, NULL);
	tls->context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(tls->context, 0);
	SSL_CTX_set_min_proto_version(tls->context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(tls->context, newest);
	ENSURE(SSL_CTX_use_certificate(tls->context, party.certificate) == 1);
	ENSURE(SSL_CTX_use_PrivateKey(tls->context, party.key) == 1);
	snprintf(tls->authority, sizeof tls->authority, "/tmp/test-transport-tls-XXXXXX");
	FILE *file = fdopen(mkstemp(tls->authority), "w");
	ENSURE(file != NULL && fputs(party.certificate_pem, file) >= 0 && fclose(file) == 0);
	party_free(&party);
	tls->fixture.server.context = tls->context;
}

/* For 127.0.0.1 and no name. */
static void
begin(struct tls_fixture *tls, long seconds, int newest)
{
	begin_for(tls, "IP:127.0.0.1", seconds, newest);
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

static int
on_server_name(SSL *ssl, int *alert, void *context)
{
	(void)alert;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	atomic_int *named = context;
	if (name != NULL && strcmp(name, "localhost") == 0)
		atomic_fetch_add(named, 1);
	return SSL_TLSEXT_ERR_OK;
}

static void
test_name(void **state)
{
	struct tls_fixture *tls = *state;
	atomic_int named = 0;
	begin_for(tls, "DNS:localhost", 3600, TLS1_3_VERSION);
	SSL_CTX_set_tlsext_servername_callback(tls->context, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(tls->context, &named);
	setenv("SSL_CERT_FILE", tls->authority, 1);
	fixture_start(&tls->fixture, "127.0.0.1", false);
	fixture_assert_answer(exchange(tls, "https://localhost"), 200, "ok");
	fixture_stop(&tls->fixture);
	assert_int_equal(atomic_load(&named), 1);
	/* The name is not the address's. */
	assert_int_equal(atomic_exchange(&tls->fixture.server.request_count, 0), 1);
	assert_no_tls(tls, "https://127.0.0.1");
	assert_int_equal(atomic_load(&named), 1);
}

static void
test_a_large_request(void **state)
{
	struct tls_fixture *tls = *state;
	begin(tls, 3600, TLS1_3_VERSION);
	setenv("SSL_CERT_FILE", tls->authority, 1);
	fixture_start(&tls->fixture, "127.0.0.1", false);
	char *bytes = calloc(1, (size_t)3 << 20);
	static const size_t lengths[] = {0, 16 << 10, (16 << 10) + 1, 3 << 20};
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		struct transmission *large = fixture_post(&tls->fixture, "https://127.0.0.1", "/200");
		large->body = (struct slice){bytes, lengths[i]};
		fixture_dispatch(&tls->fixture, large);
	}
	loop_run(tls->fixture.loop);
	for (size_t i = 0; i < COUNT_OF(lengths); i++)
		fixture_assert_answer(&tls->fixture.sends[i], 200, "ok");
	free(bytes);
	fixture_stop(&tls->fixture);
}

/* Each connection ends with its answer; all but the first resume the session. */
static void
test_sessions_are_resumed(void **state)
{
	struct tls_fixture *tls = *state;
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		begin(tls, 3600, versions[i]);
		SSL_CTX_set_session_id_context(tls->context, (const unsigned char *)"test", 4);
		setenv("SSL_CERT_FILE", tls->authority, 1);
		fixture_start(&tls->fixture, "127.0.0.1", false);
		tls->fixture.again = 9;
		tls->fixture.expected = 9;
		struct transmission *transmission = fixture_post(&tls->fixture, "https://127.0.0.1", "/close");
		fixture_dispatch(&tls->fixture, transmission);
		loop_run(tls->fixture.loop);
		fixture_assert_answer(transmission, 200, "ok");
		assert_int_equal(SSL_CTX_sess_accept_good(tls->context), 10);
		assert_int_equal(SSL_CTX_sess_hits(tls->context), 9);
		fixture_stop(&tls->fixture);
		if (i + 1 < COUNT_OF(versions)) {
			SSL_CTX_free(tls->context);
			unlink(tls->authority);
		}
	}
}

/* Without a length, only an end that TLS vouches for is the answer's: a cut wire is not. */
static bool
end_of_connection(struct http_wire *wire, const char *request, size_t length)
{
	(void)length;
	static const char answer[] = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
	wire->write(wire, answer, sizeof answer - 1);
	if (strncmp(request, "POST /said", 10) == 0)
		SSL_shutdown(wire->tls);
	return false;
}

static void
test_cut_answers(void **state)
{
	struct tls_fixture *tls = *state;
	begin(tls, 3600, TLS1_3_VERSION);
	tls->fixture.server.respond = end_of_connection;
	setenv("SSL_CERT_FILE", tls->authority, 1);
	fixture_start(&tls->fixture, "127.0.0.1", false);
	struct transmission *said = fixture_post(&tls->fixture, "https://127.0.0.1", "/said");
	struct transmission *cut = fixture_post(&tls->fixture, "https://127.0.0.1", "/cut");
	fixture_dispatch(&tls->fixture, said);
	fixture_dispatch(&tls->fixture, cut);
	loop_run(tls->fixture.loop);
	fixture_assert_answer(said, 200, "until the end");
	fixture_assert_problem(cut, TRANSMISSION_BROKEN, "");
	fixture_stop(&tls->fixture);
}

/* A server that wants to renegotiate is told no, and may answer or end the connection; it may not make us wait. */
static bool
renegotiate(struct http_wire *wire, const char *request, size_t length)
{
	(void)request;
	(void)length;
	static const char answer[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
	SSL_renegotiate(wire->tls);
	SSL_do_handshake(wire->tls);
	return wire->write(wire, answer, sizeof answer - 1) > 0;
}

static void
test_renegotiation(void **state)
{
	struct tls_fixture *tls = *state;
	begin(tls, 3600, TLS1_2_VERSION);
	tls->fixture.server.respond = renegotiate;
	setenv("SSL_CERT_FILE", tls->authority, 1);
	fixture_start(&tls->fixture, "127.0.0.1", false);
	struct transmission *transmission = fixture_post(&tls->fixture, "https://127.0.0.1", "/200");
	fixture_dispatch(&tls->fixture, transmission);
	loop_run(tls->fixture.loop);
	assert_true(transmission->outcome == TRANSMISSION_ANSWERED || transmission->outcome == TRANSMISSION_BROKEN);
	/* One handshake was all there was. */
	assert_int_equal(SSL_CTX_sess_accept_good(tls->context), 1);
	fixture_stop(&tls->fixture);
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
	    TLS_TEST_KIND(test_name, setup_own),
	    TLS_TEST(test_a_large_request),
	    TLS_TEST_KIND(test_sessions_are_resumed, setup_own),
	    TLS_TEST_KIND(test_cut_answers, setup_own),
	    TLS_TEST_KIND(test_renegotiation, setup_own),
	    TLS_TEST(test_old_protocol),
	};
	/* OpenSSL writes to the test server's closed connections without MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
