#include "transport_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
test_answers(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.0/8", true);
	struct transmission *ok = fixture_exchange(fixture, "/200"), *failed = fixture_exchange(fixture, "/500");
	struct transmission *moved = fixture_exchange(fixture, "/redirect"),
			    *closed = fixture_exchange(fixture, "/close");
	loop_run(fixture->loop);
	fixture_assert_answer(ok, 200, "ok");
	fixture_assert_answer(failed, 500, "no");
	fixture_assert_answer(moved, 302, "");
	fixture_assert_answer(closed, 200, "ok");
	/* Nobody followed the redirect. */
	assert_int_equal(atomic_load(&fixture->server.request_count), 4);
	fixture_stop(fixture);
}

static void
test_request_on_the_wire(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	struct http_header headers[] = {{SLICE("content-type"), SLICE("application/json")},
	    {SLICE("webhook-id"), SLICE("msg_1")}, {SLICE("x-empty"), SLICE("")}};
	struct transmission *small = fixture_post(fixture, "http://127.0.0.1", "/echo");
	small->headers = (struct http_headers){headers, COUNT_OF(headers)};
	struct transmission *dotted = fixture_post(fixture, "http://127.0.0.1", "/a/../b?c=d");
	struct transmission *empty = fixture_post(fixture, "http://127.0.0.1", "/echo");
	empty->body = SLICE_NONE;
	struct transmission *large = fixture_post(fixture, "http://127.0.0.1", "/large");
	char *bytes = calloc(1, (size_t)3 << 20);
	large->body = (struct slice){bytes, (size_t)3 << 20};
	fixture_dispatch(fixture, small);
	fixture_dispatch(fixture, dotted);
	fixture_dispatch(fixture, empty);
	fixture_dispatch(fixture, large);
	loop_run(fixture->loop);
	assert_int_equal(small->status_code, 200);
	const char *echo = small->response.ptr;
	assert_non_null(strstr(echo, "POST /echo HTTP/1.1\r\n"));
	char host[64];
	snprintf(host, sizeof host, "\r\nHost: 127.0.0.1:%d\r\n", fixture->server.port);
	assert_non_null(strstr(echo, host));
	assert_non_null(strstr(echo, "\r\nContent-Length: 7\r\n"));
	assert_non_null(strstr(echo, "\r\ncontent-type: application/json\r\n"));
	assert_non_null(strstr(echo, "\r\nwebhook-id: msg_1\r\n"));
	assert_non_null(strstr(echo, "\r\nx-empty:\r\n"));
	assert_non_null(strstr(echo, "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(echo, "x-www-form-urlencoded"));
	fixture_assert_answer(dotted, 200, "ok");
	assert_non_null(strstr(empty->response.ptr, "\r\nContent-Length: 0\r\n"));
	fixture_assert_answer(large, 200, "ok");
	free(bytes);
	fixture_stop(fixture);
}

static void
test_header_injection_is_refused(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	struct http_header headers[] = {{SLICE("x-a"), SLICE("b\r\nx-c: d")}};
	struct transmission *bad = fixture_post(fixture, "http://127.0.0.1", "/200");
	bad->headers = (struct http_headers){headers, COUNT_OF(headers)};
	fixture_dispatch(fixture, bad);
	loop_run(fixture->loop);
	fixture_assert_problem(bad, TRANSMISSION_REFUSED, "line break");
	assert_int_equal(atomic_load(&fixture->server.connection_count), 0);
	fixture_stop(fixture);
}

static void
test_large_answers_are_cut(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *huge = fixture_exchange(fixture, "/huge"),
			    *endless = fixture_exchange(fixture, "/endless");
	struct transmission *headers = fixture_exchange(fixture, "/headers");
	loop_run(fixture->loop);
	assert_int_equal(huge->outcome, TRANSMISSION_ANSWERED);
	assert_int_equal(huge->status_code, 200);
	assert_int_equal(huge->response.len, LIMIT_RESPONSE_BYTES);
	assert_memory_equal(huge->response.ptr, "0123456789abcdef", 16);
	assert_int_equal(endless->outcome, TRANSMISSION_ANSWERED);
	assert_int_equal(endless->status_code, 429);
	assert_int_equal(endless->response.len, LIMIT_RESPONSE_BYTES);
	fixture_assert_problem(headers, TRANSMISSION_BROKEN, "headers are longer");
	fixture_stop(fixture);
}

static void
test_broken_exchanges(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *slow = fixture_post(fixture, "http://127.0.0.1", "/slow");
	slow->timeout_ms = 50;
	fixture_dispatch(fixture, slow);
	struct transmission *half = fixture_exchange(fixture, "/half"), *cut = fixture_exchange(fixture, "/short");
	struct transmission *none = fixture_exchange(fixture, "/none"),
			    *garbage = fixture_exchange(fixture, "/garbage");
	loop_run(fixture->loop);
	fixture_assert_problem(slow, TRANSMISSION_TIMED_OUT, "within 50 ms");
	assert_true(slow->duration_us >= 50000);
	fixture_assert_problem(half, TRANSMISSION_BROKEN, "connection");
	fixture_assert_problem(cut, TRANSMISSION_BROKEN, "before the answer was complete");
	fixture_assert_problem(none, TRANSMISSION_BROKEN, "without an answer");
	fixture_assert_problem(garbage, TRANSMISSION_BROKEN, "not HTTP");
	fixture_stop(fixture);
}

static void
test_unreachable(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *tls = fixture_post(fixture, "https://127.0.0.1", "/200");
	fixture_dispatch(fixture, tls);
	loop_run(fixture->loop);
	fixture_assert_problem(tls, TRANSMISSION_UNREACHABLE, "TLS");
	assert_int_equal(atomic_load(&fixture->server.request_count), 0);
	fixture_stop(fixture);

	http_server_stop(&fixture->server);
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *refused = fixture_exchange(fixture, "/200");
	loop_run(fixture->loop);
	fixture_assert_problem(refused, TRANSMISSION_UNREACHABLE, "Connection refused");
	fixture_stop(fixture);
	fixture->server.port = 0;
}

/* Whatever form of the address the URL holds, the guard sees the address that would be connected to. */
static void
test_guard_sees_the_address(void **state)
{
	static const char *const hosts[] = {"http://127.0.0.1", "http://127.1", "http://127.0.1", "http://0x7f000001",
	    "http://0x7f.1", "http://0177.0.0.1", "http://017700000001", "http://2130706433",
	    "http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]", "http://[::1]", "http://0", "http://0.0.0.0",
	    "http://localhost", "http://user@127.0.0.1", "http://①②⑦.0.0.1"};
	struct fixture *fixture = *state;
	fixture_start(fixture, "", true);
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		fixture_dispatch(fixture, fixture_post(fixture, hosts[i], "/200"));
	loop_run(fixture->loop);
	for (size_t i = 0; i < COUNT_OF(hosts); i++) {
		fixture_assert_problem(&fixture->sends[i], TRANSMISSION_REFUSED, "");
	}
	fixture_assert_problem(&fixture->sends[1], TRANSMISSION_REFUSED, "address is private");
	fixture_assert_problem(&fixture->sends[7], TRANSMISSION_REFUSED, "address is private");
	assert_int_equal(atomic_load(&fixture->server.connection_count), 0);
	fixture_stop(fixture);
}

static void
test_schemes(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", false);
	struct transmission *plain = fixture_exchange(fixture, "/200");
	struct transmission *file = fixture_post(fixture, "file://127.0.0.1", "/etc/hostname");
	fixture_dispatch(fixture, file);
	struct transmission *ftp = fixture_post(fixture, "ftp://127.0.0.1", "/");
	fixture_dispatch(fixture, ftp);
	struct transmission *nothing = fixture_post(fixture, "http://exa mple", "/");
	fixture_dispatch(fixture, nothing);
	loop_run(fixture->loop);
	fixture_assert_problem(plain, TRANSMISSION_REFUSED, "use https");
	fixture_assert_problem(file, TRANSMISSION_REFUSED, "");
	fixture_assert_problem(ftp, TRANSMISSION_REFUSED, "use https");
	fixture_assert_problem(nothing, TRANSMISSION_REFUSED, "URL");
	assert_int_equal(atomic_load(&fixture->server.connection_count), 0);
	fixture_stop(fixture);
}

/* A connection that was made for one of the operator's own destinations carries nothing that the guard refuses. */
static void
test_own_destination_is_apart(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "", false);
	struct transmission *own = fixture_post(fixture, "http://127.0.0.1", "/200");
	own->own_destination = true;
	fixture_dispatch(fixture, own);
	loop_run(fixture->loop);
	fixture_assert_answer(own, 200, "ok");
	fixture_stop(fixture);

	fixture_start(fixture, "", true);
	own = fixture_post(fixture, "http://127.0.0.1", "/200");
	own->own_destination = true;
	struct transmission *other = fixture_post(fixture, "http://127.0.0.1", "/200");
	fixture_dispatch(fixture, own);
	fixture->expected = 1;
	loop_run(fixture->loop);
	fixture_assert_answer(own, 200, "ok");
	fixture_dispatch(fixture, other);
	while (fixture->reported < 2)
		(void)transport_turn(fixture->transport);
	fixture_assert_problem(other, TRANSMISSION_REFUSED, "address is private");
	fixture_stop(fixture);
}

/* Each report sends the next, 64 at a time: so many connections and no more. */
static void
test_connections_are_reused(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	for (int i = 0; i < SENDS_MAX; i++)
		fixture_exchange(fixture, "/200");
	fixture->again = 1000 - SENDS_MAX;
	fixture->expected = 1000;
	loop_run(fixture->loop);
	for (int i = 0; i < SENDS_MAX; i++)
		fixture_assert_answer(&fixture->sends[i], 200, "ok");
	assert_int_equal(atomic_load(&fixture->server.request_count), 1000);
	assert_true(atomic_load(&fixture->server.connection_count) <= SENDS_MAX);
	fixture_stop(fixture);
}

/* The next request finds its connection closed, before it is sent or after: it goes out on a new one. */
static void
test_dropped_connections_are_replaced(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *transmission = fixture_exchange(fixture, "/drop");
	fixture->again = 99;
	fixture->expected = 100;
	loop_run(fixture->loop);
	fixture_assert_answer(transmission, 200, "ok");
	assert_true(atomic_load(&fixture->server.connection_count) >= 99);
	fixture_stop(fixture);
}

static void
test_free_ends_what_is_on_its_way(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	fixture_exchange(fixture, "/slow");
	fixture_exchange(fixture, "/200");
	fixture->expected = 1;
	loop_run(fixture->loop);
	fixture_exchange(fixture, "/200");
	fixture_stop(fixture);
	fixture_start(fixture, "127.0.0.1", true);
	fixture_stop(fixture);
}

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
	    TRANSPORT_TEST(test_dropped_connections_are_replaced),
	    TRANSPORT_TEST(test_free_ends_what_is_on_its_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
