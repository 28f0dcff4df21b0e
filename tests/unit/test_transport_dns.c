/* Names, through the own client's resolver and a name server of the test's own: no test asks the network. */
#include "transport_fixture.h"

#include "base/macros.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { QUESTION_MAX = 512, ANSWER_MAX = 1024, TYPE_A = 1, TYPE_AAAA = 28, HEADER_BYTES = 12 };

/* Answers by the first label of the name; counts questions for A. */
struct name_server {
	int fd, port;
	pthread_t thread;
	atomic_size_t questions;
	atomic_size_t gate; /* answers "cold-…" when so many questions for it are open; 0: at once */
	struct {
		unsigned char bytes[ANSWER_MAX];
		size_t length;
		struct sockaddr_in to;
	} waiting[SENDS_MAX * 2 * 4];
	size_t waiting_count;
};

static void
add_address(unsigned char *answer, size_t *length, const unsigned char address[4], unsigned ttl)
{
	const unsigned char record[] = {0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, (unsigned char)(ttl >> 8),
	    (unsigned char)ttl, 0, 4, address[0], address[1], address[2], address[3]};
	memcpy(answer + *length, record, sizeof record);
	*length += sizeof record;
	answer[7]++;
}

static bool
is_name(const unsigned char *question, const char *label)
{
	size_t length = strlen(label);
	return question[HEADER_BYTES] >= length && memcmp(question + HEADER_BYTES + 1, label, length) == 0;
}

/* The question with the answers behind it. */
static size_t
make_answer(struct name_server *server, const unsigned char *question, size_t length, unsigned char *answer)
{
	static const unsigned char loopback[4] = {127, 0, 0, 1}, closed[4] = {127, 0, 0, 2}, private[4] = {10, 0, 0, 1};
	memcpy(answer, question, length);
	/* An additional record may stand behind the question (EDNS): it is left out. */
	size_t end = HEADER_BYTES;
	while (end < length && question[end] != 0)
		end += question[end] + 1U;
	size_t answer_length = end + 5;
	answer[2] = 0x84;
	answer[3] = 0x80;
	memset(answer + 6, 0, 6);
	unsigned type = question[end + 2];
	if (is_name(question, "cold") || is_name(question, "none")) {
		answer[3] |= 3;
	} else if (type == TYPE_A) {
		size_t asked = atomic_fetch_add(&server->questions, 1);
		if (is_name(question, "rebind"))
			add_address(answer, &answer_length, asked == 0 ? loopback : private, 0);
		else if (is_name(question, "private"))
			add_address(answer, &answer_length, private, 60);
		else if (is_name(question, "short"))
			add_address(answer, &answer_length, loopback, 0);
		else if (is_name(question, "several")) {
			add_address(answer, &answer_length, private, 60);
			add_address(answer, &answer_length, closed, 60);
			add_address(answer, &answer_length, loopback, 60);
		} else
			add_address(answer, &answer_length, loopback, 60);
	}
	return answer_length;
}

static void
send_waiting(struct name_server *server)
{
	for (size_t i = 0; i < server->waiting_count; i++)
		(void)sendto(server->fd, server->waiting[i].bytes, server->waiting[i].length, 0,
		    (struct sockaddr *)&server->waiting[i].to, sizeof server->waiting[i].to);
	server->waiting_count = 0;
}

static void *
serve_names(void *context)
{
	struct name_server *server = context;
	for (;;) {
		unsigned char question[QUESTION_MAX], answer[ANSWER_MAX];
		struct sockaddr_in from;
		socklen_t size = sizeof from;
		ssize_t length = recvfrom(server->fd, question, sizeof question, 0, (struct sockaddr *)&from, &size);
		/* One byte is the test's word for the end. */
		if (length < HEADER_BYTES)
			return NULL;
		size_t answer_length = make_answer(server, question, (size_t)length, answer);
		size_t gate = atomic_load(&server->gate);
		if (gate == 0 || !is_name(question, "cold")) {
			(void)sendto(server->fd, answer, answer_length, 0, (struct sockaddr *)&from, size);
			continue;
		}
		if (server->waiting_count == COUNT_OF(server->waiting))
			abort();
		memcpy(server->waiting[server->waiting_count].bytes, answer, answer_length);
		server->waiting[server->waiting_count].length = answer_length;
		server->waiting[server->waiting_count++].to = from;
		if (server->waiting_count >= gate)
			send_waiting(server);
	}
}

struct dns_fixture {
	struct fixture fixture; /* first: the fixture's functions take it for theirs */
	struct name_server server;
	char servers[64];
};

static int
setup(void **state)
{
	struct dns_fixture *dns = calloc(1, sizeof *dns);
	alarm(60);
	http_server_start(&dns->fixture.server);
	dns->fixture.kind = TRANSPORT_OWN;

	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	dns->server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(dns->server.fd, (struct sockaddr *)&address, length) != 0 ||
	    getsockname(dns->server.fd, (struct sockaddr *)&address, &length) != 0)
		return 1;
	dns->server.port = ntohs(address.sin_port);
	snprintf(dns->servers, sizeof dns->servers, "127.0.0.1:%d", dns->server.port);
	dns->fixture.options.name_servers = dns->servers;
	*state = dns;
	return pthread_create(&dns->server.thread, NULL, serve_names, &dns->server);
}

static int
teardown(void **state)
{
	struct dns_fixture *dns = *state;
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((in_port_t)dns->server.port)};
	(void)sendto(dns->server.fd, "", 1, 0, (struct sockaddr *)&address, sizeof address);
	pthread_join(dns->server.thread, NULL);
	close(dns->server.fd);
	return fixture_teardown(state);
}

static struct transmission *
exchange(struct dns_fixture *dns, const char *host)
{
	struct transmission *transmission = fixture_post(&dns->fixture, host, "/200");
	fixture_dispatch(&dns->fixture, transmission);
	return transmission;
}

/* However many ask at once, the name is asked for once, and known for a while. */
static void
test_names_are_asked_for_once(void **state)
{
	struct dns_fixture *dns = *state;
	fixture_start(&dns->fixture, "127.0.0.1", true);
	for (int i = 0; i < 32; i++)
		exchange(dns, i % 2 == 0 ? "http://fine.example" : "http://FINE.example");
	dns->fixture.again = 100;
	dns->fixture.expected += 100;
	loop_run(dns->fixture.loop);
	for (int i = 0; i < 32; i++)
		fixture_assert_answer(&dns->fixture.sends[i], 200, "ok");
	assert_int_equal(atomic_load(&dns->server.questions), 1);
	assert_true(atomic_load(&dns->fixture.server.connection_count) <= 32);
	fixture_stop(&dns->fixture);
}

/* No answer outlives its records: each new connection asks again. */
static void
test_short_lives_are_short(void **state)
{
	struct dns_fixture *dns = *state;
	fixture_start(&dns->fixture, "127.0.0.1", true);
	struct transmission *transmission = fixture_post(&dns->fixture, "http://short.example", "/close");
	dns->fixture.again = 9;
	dns->fixture.expected = 10;
	fixture_dispatch(&dns->fixture, transmission);
	loop_run(dns->fixture.loop);
	fixture_assert_answer(transmission, 200, "ok");
	assert_int_equal(atomic_load(&dns->server.questions), 10);
	fixture_stop(&dns->fixture);
}

static void
test_no_such_name(void **state)
{
	struct dns_fixture *dns = *state;
	fixture_start(&dns->fixture, "127.0.0.1", true);
	struct transmission *none = exchange(dns, "http://none.example");
	loop_run(dns->fixture.loop);
	fixture_assert_problem(none, TRANSMISSION_UNREACHABLE, "does not resolve");
	fixture_stop(&dns->fixture);
}

/* Each of several addresses is judged and tried; what is refused does not stand for the others. */
static void
test_several_addresses(void **state)
{
	struct dns_fixture *dns = *state;
	fixture_start(&dns->fixture, "127.0.0.0/8", true);
	struct transmission *several = exchange(dns, "http://several.example");
	struct transmission *private = exchange(dns, "http://private.example");
	loop_run(dns->fixture.loop);
	fixture_assert_answer(several, 200, "ok");
	fixture_assert_problem(private, TRANSMISSION_REFUSED, "address is private");
	fixture_stop(&dns->fixture);
}

/* A name that was fine is judged again when it is connected to again. */
static void
test_rebinding_gains_nothing(void **state)
{
	struct dns_fixture *dns = *state;
	fixture_start(&dns->fixture, "127.0.0.1", true);
	struct transmission *transmission = fixture_post(&dns->fixture, "http://rebind.example", "/close");
	/* The first report is an answer, or it would not be sent again. */
	dns->fixture.again = 1;
	dns->fixture.expected = 2;
	fixture_dispatch(&dns->fixture, transmission);
	loop_run(dns->fixture.loop);
	fixture_assert_problem(transmission, TRANSMISSION_REFUSED, "address is private");
	assert_int_equal(atomic_load(&dns->server.questions), 2);
	assert_int_equal(atomic_load(&dns->fixture.server.connection_count), 1);
	fixture_stop(&dns->fixture);
}

static void
send_cold(struct dns_fixture *dns, int count, int64_t timeout_ms)
{
	for (int i = 0; i < count; i++) {
		char host[64];
		snprintf(host, sizeof host, "http://cold-%d.example", i);
		struct transmission *transmission = fixture_post(&dns->fixture, host, "/200");
		transmission->timeout_ms = timeout_ms;
		fixture_dispatch(&dns->fixture, transmission);
	}
}

/* Requests to names that nobody answers for end in time, and others go on meanwhile. */
static void
test_a_slow_resolver_holds_up_nobody(void **state)
{
	struct dns_fixture *dns = *state;
	atomic_store(&dns->server.gate, SIZE_MAX);
	fixture_start(&dns->fixture, "127.0.0.1", true);
	send_cold(dns, 40, 100);
	struct transmission *address = fixture_exchange(&dns->fixture, "/200"),
			    *name = exchange(dns, "http://fine.example");
	loop_run(dns->fixture.loop);
	fixture_assert_answer(address, 200, "ok");
	fixture_assert_answer(name, 200, "ok");
	for (int i = 0; i < 40; i++)
		fixture_assert_problem(&dns->fixture.sends[i], TRANSMISSION_UNREACHABLE, "no connection within 100 ms");
	fixture_stop(&dns->fixture);
}

/* All cold names are asked for at the same time: only then are they answered. */
static void
test_cold_names_do_not_queue(void **state)
{
	struct dns_fixture *dns = *state;
	atomic_store(&dns->server.gate, 2 * SENDS_MAX); /* A and AAAA */
	fixture_start(&dns->fixture, "127.0.0.1", true);
	send_cold(dns, SENDS_MAX, 20000);
	loop_run(dns->fixture.loop);
	for (int i = 0; i < SENDS_MAX; i++)
		fixture_assert_problem(&dns->fixture.sends[i], TRANSMISSION_UNREACHABLE, "does not resolve");
	fixture_stop(&dns->fixture);
}

static void
test_free_does_not_wait_for_names(void **state)
{
	struct dns_fixture *dns = *state;
	atomic_store(&dns->server.gate, SIZE_MAX);
	fixture_start(&dns->fixture, "127.0.0.1", true);
	send_cold(dns, 40, 20000);
	fixture_exchange(&dns->fixture, "/200");
	dns->fixture.expected = 1; /* report that comes while the names are still being asked for */
	loop_run(dns->fixture.loop);
	fixture_stop(&dns->fixture);
}

#define DNS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    DNS_TEST(test_names_are_asked_for_once),
	    DNS_TEST(test_short_lives_are_short),
	    DNS_TEST(test_no_such_name),
	    DNS_TEST(test_several_addresses),
	    DNS_TEST(test_rebinding_gains_nothing),
	    DNS_TEST(test_a_slow_resolver_holds_up_nobody),
	    DNS_TEST(test_cold_names_do_not_queue),
	    DNS_TEST(test_free_does_not_wait_for_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
