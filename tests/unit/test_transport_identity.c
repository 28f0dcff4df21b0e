/* M14: TLS identities: client certificates, private authorities, a newest version, and who shares connections. */
#include "tls_fixture.h"
#include "transport_fixture.h"

#include "base/macros.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct fixture fixture; /* first: the fixture's functions take it for theirs */
	SSL_CTX *context;
	struct party authority, server, client, stranger;
};

static int
setup(void **state, enum transport_kind kind)
{
	struct world *world = calloc(1, sizeof *world);
	world->fixture.kind = kind;
	alarm(60);
	world->fixture.server.begin = tls_begin;
	party_make(&world->authority, "an authority", NULL, 86400, NULL);
	party_make(&world->server, "server", "IP:127.0.0.1", 3600, &world->authority);
	party_make(&world->client, "client", NULL, 7200, &world->authority);
	party_make(&world->stranger, "stranger", NULL, 7200, NULL);
	world->context = SSL_CTX_new(TLS_server_method());
	ENSURE(SSL_CTX_use_certificate(world->context, world->server.certificate) == 1);
	ENSURE(SSL_CTX_use_PrivateKey(world->context, world->server.key) == 1);
	SSL_CTX_set_session_id_context(world->context, (const unsigned char *)"test", 4);
	world->fixture.server.context = world->context;
	http_server_start(&world->fixture.server);
	*state = world;
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
	struct world *world = *state;
	http_server_stop(&world->fixture.server);
	SSL_CTX_free(world->context);
	party_free(&world->authority);
	party_free(&world->server);
	party_free(&world->client);
	party_free(&world->stranger);
	free(world);
	return 0;
}

static void
require_client(struct world *world)
{
	X509_STORE *store = SSL_CTX_get_cert_store(world->context);
	ENSURE(X509_STORE_add_cert(store, world->authority.certificate) == 1);
	SSL_CTX_set_verify(world->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static struct tls_identity *
identity_of(const struct tls_identity_options *options)
{
	struct tls_identity *identity = NULL;
	struct error error = ERROR_NONE;
	if (tls_identity_new(options, &identity, &error) != OK)
		fail_msg("%s", error.text);
	return identity;
}

/* The private authority, and the client's certificate if wanted. */
static struct tls_identity *
usual(const struct world *world, int64_t party, const struct party *client, bool tls13_only)
{
	return identity_of(&(struct tls_identity_options){
	    .party = party,
	    .certificate = client == NULL ? SLICE_NONE : slice_of(client->certificate_pem),
	    .key = client == NULL ? SLICE_NONE : slice_of(client->key_pem),
	    .authorities = slice_of(world->authority.certificate_pem),
	    .tls13_only = tls13_only,
	});
}

static struct transmission *
exchange(struct world *world, struct tls_identity *identity, int64_t party, const char *host)
{
	struct transmission *transmission = fixture_post(&world->fixture, host, "/200");
	transmission->identity = identity;
	transmission->party = party;
	fixture_dispatch(&world->fixture, transmission);
	loop_run(world->fixture.loop);
	return transmission;
}

static int
connections(struct world *world)
{
	return (int)atomic_load(&world->fixture.server.connection_count);
}

/* --- tests -------------------------------------------------------------------------------------------- */

static void
test_private_authority(void **state)
{
	struct world *world = *state;
	fixture_start(&world->fixture, "127.0.0.1", false);
	fixture_assert_problem(
	    exchange(world, NULL, 1, "https://127.0.0.1"), TRANSMISSION_UNREACHABLE, "unknown authority");
	struct tls_identity *identity = usual(world, 1, NULL, false);
	const struct transmission *good = exchange(world, identity, 1, "https://127.0.0.1");
	fixture_assert_answer(good, 200, "ok");
	int64_t left_s = good->peer_expires.us / 1000000 - time(NULL);
	assert_in_range(left_s, 3500, 3600);
	/* And not the defaults, which know other authorities: nothing is kept from before. */
	fixture_assert_problem(
	    exchange(world, NULL, 1, "https://127.0.0.1"), TRANSMISSION_UNREACHABLE, "unknown authority");
	fixture_stop(&world->fixture);
	tls_identity_unref(identity);
}

static void
test_client_certificate(void **state)
{
	struct world *world = *state;
	require_client(world);
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		SSL_CTX_set_max_proto_version(world->context, versions[i]);
		fixture_start(&world->fixture, "127.0.0.1", false);
		struct tls_identity *without = usual(world, 1, NULL, false);
		struct tls_identity *with = usual(world, 1, &world->client, false);
		const struct transmission *refused = exchange(world, without, 1, "https://127.0.0.1");
		assert_true(refused->outcome == TRANSMISSION_UNREACHABLE || refused->outcome == TRANSMISSION_BROKEN);
		if (world->fixture.kind == TRANSPORT_OWN && strstr(refused->problem, "client certificate") == NULL)
			fail_msg("%s", refused->problem);
		fixture_assert_answer(exchange(world, with, 1, "https://127.0.0.1"), 200, "ok");
		fixture_stop(&world->fixture);
		tls_identity_unref(with);
		tls_identity_unref(without);
	}
}

static void
test_stranger(void **state)
{
	struct world *world = *state;
	require_client(world);
	fixture_start(&world->fixture, "127.0.0.1", false);
	struct tls_identity *identity = usual(world, 1, &world->stranger, false);
	const struct transmission *refused = exchange(world, identity, 1, "https://127.0.0.1");
	assert_true(refused->outcome == TRANSMISSION_UNREACHABLE || refused->outcome == TRANSMISSION_BROKEN);
	assert_int_equal(atomic_load(&world->fixture.server.request_count), 0);
	fixture_stop(&world->fixture);
	tls_identity_unref(identity);
}

static void
test_minimum_version(void **state)
{
	struct world *world = *state;
	SSL_CTX_set_max_proto_version(world->context, TLS1_2_VERSION);
	fixture_start(&world->fixture, "127.0.0.1", false);
	struct tls_identity *newest = usual(world, 1, NULL, true), *usual_one = usual(world, 1, NULL, false);
	fixture_assert_problem(
	    exchange(world, newest, 1, "https://127.0.0.1"), TRANSMISSION_UNREACHABLE, "no version of TLS");
	fixture_assert_answer(exchange(world, usual_one, 1, "https://127.0.0.1"), 200, "ok");
	fixture_stop(&world->fixture);
	tls_identity_unref(newest);
	tls_identity_unref(usual_one);
}

static void
test_reasons(void **state)
{
	struct world *world = *state;
	fixture_start(&world->fixture, "127.0.0.1", false);
	struct tls_identity *identity = usual(world, 1, NULL, false);
	fixture_assert_problem(
	    exchange(world, identity, 1, "https://localhost"), TRANSMISSION_UNREACHABLE, "another host name");
	struct party old = {0};
	party_make(&old, "old", "IP:127.0.0.1", -60, &world->authority);
	ENSURE(SSL_CTX_use_cert_and_key(world->context, old.certificate, old.key, NULL, 1) == 1);
	fixture_assert_problem(exchange(world, identity, 1, "https://127.0.0.1"), TRANSMISSION_UNREACHABLE,
	    "the server's certificate has expired");
	fixture_assert_problem(exchange(world, identity, 1, "http://127.0.0.1"), TRANSMISSION_REFUSED, "https");
	fixture_stop(&world->fixture);
	party_free(&old);
	tls_identity_unref(identity);
}

static void
test_nobody_shares(void **state)
{
	struct world *world = *state;
	fixture_start(&world->fixture, "127.0.0.1", false);
	struct tls_identity *first = usual(world, 1, NULL, false), *twin = usual(world, 1, NULL, false);
	struct tls_identity *other = usual(world, 2, NULL, false), *with = usual(world, 1, &world->client, false);
	assert_memory_equal(tls_identity_digest(first), tls_identity_digest(twin), SHA256_BYTES);
	assert_memory_not_equal(tls_identity_digest(first), tls_identity_digest(other), SHA256_BYTES);
	fixture_assert_answer(exchange(world, first, 1, "https://127.0.0.1"), 200, "ok");
	fixture_assert_answer(exchange(world, twin, 1, "https://127.0.0.1"), 200, "ok");
	assert_int_equal(connections(world), world->fixture.kind == TRANSPORT_OWN ? 1 : 2);
	int before = connections(world);
	fixture_assert_answer(exchange(world, other, 2, "https://127.0.0.1"), 200, "ok");
	fixture_assert_answer(exchange(world, with, 1, "https://127.0.0.1"), 200, "ok");
	assert_int_equal(connections(world), before + 2);
	assert_int_equal(SSL_CTX_sess_hits(world->context), 0);
	fixture_stop(&world->fixture);
	tls_identity_unref(first);
	tls_identity_unref(twin);
	tls_identity_unref(other);
	tls_identity_unref(with);
}

static void
test_retired(void **state)
{
	struct world *world = *state;
	fixture_start(&world->fixture, "127.0.0.1", false);
	struct tls_identity *identity = usual(world, 1, &world->client, false);
	fixture_assert_answer(exchange(world, identity, 1, "https://127.0.0.1"), 200, "ok");
	fixture_assert_answer(exchange(world, identity, 1, "https://127.0.0.1"), 200, "ok");
	assert_int_equal(connections(world), 1);
	transport_retire(world->fixture.transport, identity);
	fixture_assert_answer(exchange(world, identity, 1, "https://127.0.0.1"), 200, "ok");
	assert_int_equal(connections(world), 2);
	assert_int_equal(SSL_CTX_sess_hits(world->context), 0);
	/* What is under way when it is retired lands, and is not kept. */
	struct transmission *under_way = fixture_post(&world->fixture, "https://127.0.0.1", "/200");
	under_way->identity = identity;
	under_way->party = 1;
	fixture_dispatch(&world->fixture, under_way);
	(void)transport_turn(world->fixture.transport);
	transport_retire(world->fixture.transport, identity);
	loop_run(world->fixture.loop);
	fixture_assert_answer(under_way, 200, "ok");
	int before = connections(world);
	fixture_assert_answer(exchange(world, identity, 1, "https://127.0.0.1"), 200, "ok");
	assert_int_equal(connections(world), before + 1);
	fixture_stop(&world->fixture);
	tls_identity_unref(identity);
}

/* More identities than contexts are kept: none is mixed up, and the memory is bounded. */
static void
test_many_identities(void **state)
{
	struct world *world = *state;
	fixture_start(&world->fixture, "127.0.0.1", false);
	for (int64_t party = 1; party <= 300; party++) {
		struct tls_identity *identity = usual(world, party, NULL, false);
		world->fixture.reported = world->fixture.expected = 0;
		arena_free(&world->fixture.sends[0].arena);
		fixture_assert_answer(exchange(world, identity, party, "https://127.0.0.1"), 200, "ok");
		assert_int_equal(connections(world), party);
		tls_identity_unref(identity);
	}
	fixture_stop(&world->fixture);
}

static void
assert_refused(struct tls_identity_options options, const char *why)
{
	struct tls_identity *identity = NULL;
	struct error error = ERROR_NONE;
	assert_int_equal(tls_identity_new(&options, &identity, &error), ERR_INVALID);
	assert_null(identity);
	if (strstr(error.text, why) == NULL)
		fail_msg("%s", error.text);
}

static void
test_what_is_refused(void **state)
{
	const struct world *world = *state;
	struct slice certificate = slice_of(world->client.certificate_pem), key = slice_of(world->client.key_pem);
	assert_refused((struct tls_identity_options){.certificate = certificate}, "give both");
	assert_refused((struct tls_identity_options){.key = key}, "give both");
	assert_refused(
	    (struct tls_identity_options){.certificate = certificate, .key = slice_of(world->server.key_pem)},
	    "not that of the client certificate");
	assert_refused((struct tls_identity_options){.certificate = SLICE("hello"), .key = key}, "must be PEM");
	assert_refused((struct tls_identity_options){.certificate = certificate, .key = certificate}, "private key");
	assert_refused((struct tls_identity_options){.authorities = SLICE("")}, "authorities");
	assert_refused((struct tls_identity_options){.authorities = key}, "authorities");
	assert_refused((struct tls_identity_options){.authorities = {world->server.certificate_pem,
							 strlen(world->server.certificate_pem) / 2}},
	    "authorities");
	BIO *bio = BIO_new(BIO_s_mem());
	char encrypted[PEM_BYTES] = "";
	ENSURE(PEM_write_bio_PrivateKey(
		   bio, world->client.key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL) == 1);
	ENSURE(BIO_read(bio, encrypted, sizeof encrypted - 1) > 0);
	BIO_free(bio);
	assert_refused(
	    (struct tls_identity_options){.certificate = certificate, .key = slice_of(encrypted)}, "not encrypted");
	static char huge[TLS_IDENTITY_PEM_BYTES + 1];
	memset(huge, 'a', sizeof huge);
	assert_refused((struct tls_identity_options){.authorities = {huge, sizeof huge}}, "at most");
}

static void
test_facts(void **state)
{
	const struct world *world = *state;
	struct arena arena = ARENA_EMPTY;
	struct certificate_facts facts;
	assert_true(certificate_facts(&arena, slice_of(world->client.certificate_pem), &facts));
	assert_true(slice_is(facts.subject, "CN=client"));
	assert_true(slice_is(facts.issuer, "CN=an authority"));
	assert_int_equal(strlen(facts.fingerprint), 64);
	assert_in_range(facts.not_after.us / 1000000 - time(NULL), 7100, 7200);
	assert_false(certificate_facts(&arena, slice_of(world->client.key_pem), &facts));
	struct tls_identity *identity = usual(world, 1, &world->client, false);
	assert_int_equal(tls_identity_expires(identity).us, facts.not_after.us);
	tls_identity_unref(identity);
	arena_free(&arena);
}

#define WORLD_TEST_OWN(test) cmocka_unit_test_setup_teardown(test, setup_own, teardown)
#define WORLD_TEST(test) WORLD_TEST_OWN(test), cmocka_unit_test_setup_teardown(test, setup_curl, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(test_private_authority),
	    WORLD_TEST(test_client_certificate),
	    WORLD_TEST(test_stranger),
	    WORLD_TEST(test_minimum_version),
	    WORLD_TEST(test_reasons),
	    WORLD_TEST(test_nobody_shares),
	    WORLD_TEST_OWN(test_retired),
	    WORLD_TEST_OWN(test_many_identities),
	    WORLD_TEST_OWN(test_what_is_refused),
	    WORLD_TEST_OWN(test_facts),
	};
	/* OpenSSL writes to the test server's closed connections without MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
