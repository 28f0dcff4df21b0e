#include "http_server.h"
#include "transport/transport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { WATCHDOG_S = 60, SENDS_MAX = 64 };

struct fixture {
	struct http_server server;
	struct guard guard;
	struct loop *loop;
	struct transport *transport;
	struct transmission sends[SENDS_MAX];
	char urls[SENDS_MAX][128];
	size_t reported, expected;
	bool in_send;
	size_t again; /* how often a report sends its transmission once more */
};

static void
on_done(void *context, struct transmission *transmission)
{
	struct fixture *fixture = context;
	assert_false(fixture->in_send);
	assert_null(transmission->state);
	fixture->reported++;
	if (fixture->again > 0) {
		fixture->again--;
		assert_int_equal(transmission->outcome, TRANSMISSION_ANSWERED);
		arena_free(&transmission->arena);
		transport_send(fixture->transport, transmission);
	}
}

static void
on_mail(void *context, struct mail_list mail)
{
	(void)context;
	(void)mail;
}

static int64_t
on_turn(void *context)
{
	struct fixture *fixture = context;
	int64_t sleep_us = transport_turn(fixture->transport);
	if (fixture->reported == fixture->expected)
		loop_stop(fixture->loop);
	return sleep_us;
}

static void
start(struct fixture *fixture, const char *allowed, bool allow_http)
{
	static const struct loop_handlers handlers = {.mail = on_mail, .turn = on_turn};
	struct error error = ERROR_NONE;
	assert_int_equal(guard_parse(slice_of(allowed), &fixture->guard, &error), OK);
	fixture->loop = loop_new(&handlers, fixture);
	struct transport_options options = {.loop = fixture->loop,
	    .guard = &fixture->guard,
	    .allow_http = allow_http,
	    .connections_max = 256,
	    .done = on_done,
	    .context = fixture};
	assert_int_equal(transport_new(&options, &fixture->transport, &error), OK);
}

static void
stop(struct fixture *fixture)
{
	transport_free(fixture->transport);
	loop_free(fixture->loop);
	for (size_t i = 0; i < SENDS_MAX; i++) {
		arena_free(&fixture->sends[i].arena);
		fixture->sends[i] = (struct transmission){0};
	}
	fixture->reported = fixture->expected = 0;
}

static struct transmission *
post(struct fixture *fixture, const char *scheme_and_host, const char *path)
{
	size_t at = fixture->expected++;
	snprintf(fixture->urls[at], sizeof fixture->urls[at], "%s:%d%s", scheme_and_host, fixture->server.port, path);
	struct transmission *transmission = &fixture->sends[at];
	transmission->url = slice_of(fixture->urls[at]);
	transmission->body = SLICE("{\"a\":1}");
	transmission->timeout_ms = 20000;
	return transmission;
}

static void
dispatch(struct fixture *fixture, struct transmission *transmission)
{
	fixture->in_send = true;
	transport_send(fixture->transport, transmission);
	fixture->in_send = false;
}

static struct transmission *
exchange(struct fixture *fixture, const char *path)
{
	struct transmission *transmission = post(fixture, "http://127.0.0.1", path);
	dispatch(fixture, transmission);
	return transmission;
}

static int
setup(void **state)
{
	alarm(WATCHDOG_S);
	struct fixture *fixture = calloc(1, sizeof *fixture);
	http_server_start(&fixture->server);
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;
	if (fixture->server.port != 0)
		http_server_stop(&fixture->server);
	free(fixture);
	return 0;
}

static void
assert_problem(const struct transmission *transmission, enum transmission_outcome outcome, const char *problem)
{
	if (transmission->outcome != outcome || strstr(transmission->problem, problem) == NULL)
		fail_msg("%s: %s (%s), not %s (%s)", transmission->url.ptr,
		    transmission_outcome_name(transmission->outcome), transmission->problem,
		    transmission_outcome_name(outcome), problem);
	assert_null(strstr(transmission->problem, "127.0.0.1"));
}

static void
assert_answer(const struct transmission *transmission, int status, const char *body)
{
	if (transmission->outcome != TRANSMISSION_ANSWERED)
		fail_msg("%s: %s", transmission->url.ptr, transmission->problem);
	assert_int_equal(transmission->status_code, status);
	assert_true(slice_is(transmission->response, body));
	assert_string_equal(transmission->problem, "");
	assert_true(transmission->duration_us > 0);
}

static void
test_answers(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "127.0.0.0/8", true);
	struct transmission *ok = exchange(fixture, "/200"), *failed = exchange(fixture, "/500");
	struct transmission *moved = exchange(fixture, "/redirect"), *closed = exchange(fixture, "/close");
	loop_run(fixture->loop);
	assert_answer(ok, 200, "ok");
	assert_answer(failed, 500, "no");
	assert_answer(moved, 302, "");
	assert_answer(closed, 200, "ok");
	/* Nobody followed the redirect. */
	assert_int_equal(atomic_load(&fixture->server.request_count), 4);
	stop(fixture);
}

static void
test_request_on_the_wire(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "127.0.0.1", true);
	struct http_header headers[] = {{SLICE("content-type"), SLICE("application/json")},
	    {SLICE("webhook-id"), SLICE("msg_1")}, {SLICE("x-empty"), SLICE("")}};
	struct transmission *small = post(fixture, "http://127.0.0.1", "/echo");
	small->headers = (struct http_headers){headers, COUNT_OF(headers)};
	struct transmission *dotted = post(fixture, "http://127.0.0.1", "/a/../b?c=d");
	struct transmission *empty = post(fixture, "http://127.0.0.1", "/echo");
	empty->body = SLICE_NONE;
	struct transmission *large = post(fixture, "http://127.0.0.1", "/large");
	char *bytes = calloc(1, (size_t)3 << 20);
	large->body = (struct slice){bytes, (size_t)3 << 20};
	dispatch(fixture, small);
	dispatch(fixture, dotted);
	dispatch(fixture, empty);
	dispatch(fixture, large);
	loop_run(fixture->loop);
	assert_int_equal(small->status_code, 200);
	const char *echo = small->response.ptr;
	assert_non_null(strstr(echo, "POST /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(echo, "\r\nContent-Length: 7\r\n"));
	assert_non_null(strstr(echo, "\r\ncontent-type: application/json\r\n"));
	assert_non_null(strstr(echo, "\r\nwebhook-id: msg_1\r\n"));
	assert_non_null(strstr(echo, "\r\nx-empty:\r\n"));
	assert_non_null(strstr(echo, "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(echo, "x-www-form-urlencoded"));
	assert_answer(dotted, 200, "ok");
	assert_non_null(strstr(empty->response.ptr, "\r\nContent-Length: 0\r\n"));
	assert_answer(large, 200, "ok");
	free(bytes);
	stop(fixture);
}

static void
test_header_injection_is_refused(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "127.0.0.1", true);
	struct http_header headers[] = {{SLICE("x-a"), SLICE("b\r\nx-c: d")}};
	struct transmission *bad = post(fixture, "http://127.0.0.1", "/200");
	bad->headers = (struct http_headers){headers, COUNT_OF(headers)};
	dispatch(fixture, bad);
	loop_run(fixture->loop);
	assert_problem(bad, TRANSMISSION_REFUSED, "line break");
	assert_int_equal(atomic_load(&fixture->server.connection_count), 0);
	stop(fixture);
}

static void
test_large_answers_are_cut(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "127.0.0.1", true);
	struct transmission *huge = exchange(fixture, "/huge"), *endless = exchange(fixture, "/endless");
	struct transmission *headers = exchange(fixture, "/headers");
	loop_run(fixture->loop);
	assert_int_equal(huge->outcome, TRANSMISSION_ANSWERED);
	assert_int_equal(huge->status_code, 200);
	assert_int_equal(huge->response.len, LIMIT_RESPONSE_BYTES);
	assert_memory_equal(huge->response.ptr, "0123456789abcdef", 16);
	assert_int_equal(endless->outcome, TRANSMISSION_ANSWERED);
	assert_int_equal(endless->status_code, 429);
	assert_int_equal(endless->response.len, LIMIT_RESPONSE_BYTES);
	assert_problem(headers, TRANSMISSION_BROKEN, "headers are longer");
	stop(fixture);
}

static void
test_broken_exchanges(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "127.0.0.1", true);
	struct transmission *slow = post(fixture, "http://127.0.0.1", "/slow");
	slow->timeout_ms = 50;
	dispatch(fixture, slow);
	struct transmission *half = exchange(fixture, "/half"), *cut = exchange(fixture, "/short");
	struct transmission *none = exchange(fixture, "/none"), *garbage = exchange(fixture, "/garbage");
	loop_run(fixture->loop);
	assert_problem(slow, TRANSMISSION_TIMED_OUT, "within 50 ms");
	assert_true(slow->duration_us >= 50000);
	assert_problem(half, TRANSMISSION_BROKEN, "connection");
	assert_problem(cut, TRANSMISSION_BROKEN, "before the answer was complete");
	assert_problem(none, TRANSMISSION_BROKEN, "without an answer");
	assert_problem(garbage, TRANSMISSION_BROKEN, "not HTTP");
	stop(fixture);
}

static void
test_unreachable(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "127.0.0.1", true);
	struct transmission *tls = post(fixture, "https://127.0.0.1", "/200");
	dispatch(fixture, tls);
	struct transmission *name = post(fixture, "http://name.invalid", "/200");
	dispatch(fixture, name);
	loop_run(fixture->loop);
	assert_problem(tls, TRANSMISSION_UNREACHABLE, "TLS");
	assert_problem(name, TRANSMISSION_UNREACHABLE, "does not resolve");
	assert_int_equal(atomic_load(&fixture->server.request_count), 0);
	stop(fixture);

	http_server_stop(&fixture->server);
	start(fixture, "127.0.0.1", true);
	struct transmission *refused = exchange(fixture, "/200");
	loop_run(fixture->loop);
	assert_problem(refused, TRANSMISSION_UNREACHABLE, "Connection refused");
	stop(fixture);
	fixture->server.port = 0;
}

/* Whatever form of the address the URL holds, the guard sees the address that would be connected to. */
static void
test_guard_sees_the_address(void **state)
{
	static const char *const hosts[] = {"http://127.0.0.1", "http://127.1", "http://127.0.1", "http://0x7f000001",
	    "http://0x7f.1", "http://0177.0.0.1", "http://017700000001", "http://2130706433",
	    "http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]", "http://[::1]", "http://0", "http://0.0.0.0",
	    "http://localhost", "http://127.0.0.1.", "http://user@127.0.0.1", "http://①②⑦.0.0.1"};
	struct fixture *fixture = *state;
	start(fixture, "", true);
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		dispatch(fixture, post(fixture, hosts[i], "/200"));
	loop_run(fixture->loop);
	for (size_t i = 0; i < COUNT_OF(hosts); i++) {
		/* A trailing dot makes it a name, which some resolvers do not know. */
		if (fixture->sends[i].outcome == TRANSMISSION_UNREACHABLE)
			assert_problem(&fixture->sends[i], TRANSMISSION_UNREACHABLE, "does not resolve");
		else
			assert_problem(&fixture->sends[i], TRANSMISSION_REFUSED, "");
	}
	assert_problem(&fixture->sends[1], TRANSMISSION_REFUSED, "address is private");
	assert_problem(&fixture->sends[7], TRANSMISSION_REFUSED, "address is private");
	assert_int_equal(atomic_load(&fixture->server.connection_count), 0);
	stop(fixture);
}

static void
test_schemes(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "127.0.0.1", false);
	struct transmission *plain = exchange(fixture, "/200");
	struct transmission *file = post(fixture, "file://127.0.0.1", "/etc/hostname");
	dispatch(fixture, file);
	struct transmission *ftp = post(fixture, "ftp://127.0.0.1", "/");
	dispatch(fixture, ftp);
	struct transmission *nothing = post(fixture, "http://exa mple", "/");
	dispatch(fixture, nothing);
	loop_run(fixture->loop);
	assert_problem(plain, TRANSMISSION_REFUSED, "use https");
	assert_problem(file, TRANSMISSION_REFUSED, "");
	assert_problem(ftp, TRANSMISSION_REFUSED, "use https");
	assert_problem(nothing, TRANSMISSION_REFUSED, "URL");
	assert_int_equal(atomic_load(&fixture->server.connection_count), 0);
	stop(fixture);
}

/* A connection that was made for one of the operator's own destinations carries nothing that the guard refuses. */
static void
test_own_destination_is_apart(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "", false);
	struct transmission *own = post(fixture, "http://127.0.0.1", "/200");
	own->own_destination = true;
	dispatch(fixture, own);
	loop_run(fixture->loop);
	assert_answer(own, 200, "ok");
	stop(fixture);

	start(fixture, "", true);
	own = post(fixture, "http://127.0.0.1", "/200");
	own->own_destination = true;
	struct transmission *other = post(fixture, "http://127.0.0.1", "/200");
	dispatch(fixture, own);
	fixture->expected = 1;
	loop_run(fixture->loop);
	assert_answer(own, 200, "ok");
	dispatch(fixture, other);
	while (fixture->reported < 2)
		(void)transport_turn(fixture->transport);
	assert_problem(other, TRANSMISSION_REFUSED, "address is private");
	stop(fixture);
}

/* Each report sends the next, 64 at a time: so many connections and no more. */
static void
test_connections_are_reused(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "127.0.0.1", true);
	for (int i = 0; i < SENDS_MAX; i++)
		exchange(fixture, "/200");
	fixture->again = 1000 - SENDS_MAX;
	fixture->expected = 1000;
	loop_run(fixture->loop);
	for (int i = 0; i < SENDS_MAX; i++)
		assert_answer(&fixture->sends[i], 200, "ok");
	assert_int_equal(atomic_load(&fixture->server.request_count), 1000);
	assert_true(atomic_load(&fixture->server.connection_count) <= SENDS_MAX);
	stop(fixture);
}

/* More cold names at once than may be resolved at a time: the rest waits its turn. */
static void
test_resolving_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "", true);
	for (int i = 0; i < SENDS_MAX; i++) {
		char host[64];
		snprintf(host, sizeof host, "http://cold-%d.invalid", i);
		dispatch(fixture, post(fixture, host, "/200"));
	}
	loop_run(fixture->loop);
	for (int i = 0; i < SENDS_MAX; i++)
		assert_problem(&fixture->sends[i], TRANSMISSION_UNREACHABLE, "");
	stop(fixture);
}

static void
test_free_ends_what_is_on_its_way(void **state)
{
	struct fixture *fixture = *state;
	start(fixture, "127.0.0.1", true);
	exchange(fixture, "/slow");
	exchange(fixture, "/200");
	dispatch(fixture, post(fixture, "http://name.invalid", "/200"));
	fixture->expected = 1;
	loop_run(fixture->loop);
	exchange(fixture, "/200");
	stop(fixture);
	start(fixture, "127.0.0.1", true);
	stop(fixture);
}

#define TRANSPORT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TRANSPORT_TEST(test_answers),
	    TRANSPORT_TEST(test_request_on_the_wire),
	    TRANSPORT_TEST(test_header_injection_is_refused),
	    TRANSPORT_TEST(test_large_answers_are_cut),
	    TRANSPORT_TEST(test_broken_exchanges),
	    TRANSPORT_TEST(test_unreachable),
	    TRANSPORT_TEST(test_guard_sees_the_address),
	    TRANSPORT_TEST(test_schemes),
	    TRANSPORT_TEST(test_own_destination_is_apart),
	    TRANSPORT_TEST(test_connections_are_reused),
	    TRANSPORT_TEST(test_resolving_is_bounded),
	    TRANSPORT_TEST(test_free_ends_what_is_on_its_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
