/* Receivers that do what they should not, and deadlines. Each is a path of the server below. */
#include "transport_fixture.h"

#include "base/macros.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { DRIP_MS = 5, TIMEOUT_MS = 120, TOLERANCE_US = 250000 };

static bool
put(struct http_wire *wire, const char *text)
{
	return wire->write(wire, text, strlen(text)) == (long)strlen(text);
}

/* Until the client has enough of it: what ends the wait is the client's end. */
static bool
drip(struct http_wire *wire, const char *head, const char *piece)
{
	struct pollfd end = {.fd = wire->fd, .events = POLLRDHUP};
	bool more = put(wire, head);
	while (more && poll(&end, 1, DRIP_MS) == 0)
		more = put(wire, piece);
	return false;
}

static bool
wait_for_end(struct http_wire *wire)
{
	char byte;
	while (wire->read(wire, &byte, 1) > 0)
		continue;
	return false;
}

#define OK_11 "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_11 "transfer-encoding: chunked\r\n\r\n"

struct script {
	const char *path, *answer;
	bool close; /* behind it */
};

static const struct script scripts[] = {
    {"/until-close", OK_11 "\r\nuntil the end", true},
    {"/chunked", CHUNKED "2;x=y\r\nok\r\n3\r\nay!\r\n0\r\nx-trailer: y\r\n\r\n", false},
    {"/interim",
	"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" OK_11 "content-length: 2\r\n\r\nok",
	false},
    {"/204", "HTTP/1.1 204 Nothing\r\n\r\n", false},
    {"/two-lengths", OK_11 "content-length: 2\r\ncontent-length: 3\r\n\r\nok!", false},
    {"/two-framings", OK_11 "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false},
    {"/bad-chunk", CHUNKED "zz\r\nok\r\n", false},
    {"/cut-chunk", CHUNKED "5\r\nok", true},
    {"/gzip", OK_11 "transfer-encoding: gzip\r\n\r\nok", true},
    {"/switch", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", false},
    {"/behind", OK_11 "content-length: 2\r\n\r\nokHTTP/1.1 500 Smuggled\r\ncontent-length: 0\r\n\r\n", false},
    {"/short-keep", OK_11 "content-length: 2\r\nkeep-alive: timeout=1\r\n\r\nok", false},
    {"/old", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", false},
    {"/seconds", "HTTP/1.1 429 Slow\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n", false},
    {"/date", "HTTP/1.1 503 Down\r\nretry-after: Fri, 31 Dec 1999 23:59:59 GMT\r\ncontent-length: 0\r\n\r\n", false},
};

static bool
is_path(const char *request, const char *path)
{
	return strncmp(request + 5, path, strlen(path)) == 0 && request[5 + strlen(path)] == ' ';
}

/* The answer, and beside it what was not asked for, in a write of its own that may come later. */
static bool
answer_twice(struct http_wire *wire)
{
	return put(wire, OK_11 "content-length: 2\r\n\r\nok") && put(wire, OK_11 "content-length: 3\r\n\r\nbad");
}

static bool
half_close(struct http_wire *wire)
{
	if (put(wire, OK_11 "content-length: 2\r\n\r\nok"))
		shutdown(wire->fd, SHUT_WR);
	return wait_for_end(wire);
}

static bool
respond(struct http_wire *wire, const char *request, size_t length)
{
	(void)length;
	for (size_t i = 0; i < COUNT_OF(scripts); i++)
		if (is_path(request, scripts[i].path))
			return put(wire, scripts[i].answer) && !scripts[i].close;
	if (is_path(request, "/slow-head"))
		return drip(wire, OK_11 "x: ", "y");
	if (is_path(request, "/slow-body"))
		return drip(wire, OK_11 "content-length: 60000\r\n\r\n", "y");
	if (is_path(request, "/slow-chunks"))
		return drip(wire, CHUNKED, "1\r\ny\r\n");
	if (is_path(request, "/slow-interim"))
		return drip(wire, "", "HTTP/1.1 100 Continue\r\n\r\n");
	if (is_path(request, "/silent"))
		return wait_for_end(wire);
	if (is_path(request, "/half-close"))
		return half_close(wire);
	if (is_path(request, "/twice"))
		return answer_twice(wire);
	if (is_path(request, "/endless-interim")) {
		while (put(wire, "HTTP/1.1 102 Processing\r\n\r\n"))
			continue;
		return false;
	}
	return put(wire, OK_11 "content-length: 2\r\n\r\nok");
}

static int
setup(void **state)
{
	int result = fixture_setup_own(state);
	struct fixture *fixture = *state;
	fixture->server.respond = respond;
	return result;
}

static void
test_framings(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *until_close = fixture_exchange(fixture, "/until-close");
	struct transmission *chunked = fixture_exchange(fixture, "/chunked"),
			    *interim = fixture_exchange(fixture, "/interim");
	struct transmission *nothing = fixture_exchange(fixture, "/204"),
			    *both = fixture_exchange(fixture, "/two-framings");
	struct transmission *half = fixture_exchange(fixture, "/half-close"), *old = fixture_exchange(fixture, "/old");
	loop_run(fixture->loop);
	fixture_assert_answer(until_close, 200, "until the end");
	fixture_assert_answer(chunked, 200, "okay!");
	fixture_assert_answer(interim, 200, "ok");
	fixture_assert_answer(nothing, 204, "");
	fixture_assert_answer(both, 200, "ok");
	fixture_assert_answer(half, 200, "ok");
	fixture_assert_answer(old, 200, "ok");
	fixture_stop(fixture);
}

static void
test_broken_framings(void **state)
{
	static const struct {
		const char *path, *problem;
	} broken[] = {{"/two-lengths", "twice"}, {"/bad-chunk", "chunk"},
	    {"/cut-chunk", "before the answer was complete"}, {"/gzip", "transfer coding"}, {"/switch", "protocol"},
	    {"/endless-interim", "interim"}};
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	for (size_t i = 0; i < COUNT_OF(broken); i++)
		fixture_exchange(fixture, broken[i].path);
	loop_run(fixture->loop);
	for (size_t i = 0; i < COUNT_OF(broken); i++)
		fixture_assert_problem(&fixture->sends[i], TRANSMISSION_BROKEN, broken[i].problem);
	/* Nobody tried again: the receiver may have acted. */
	assert_int_equal(atomic_load(&fixture->server.request_count), COUNT_OF(broken));
	fixture_stop(fixture);
}

static void
test_retry_after(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *seconds = fixture_exchange(fixture, "/seconds"),
			    *date = fixture_exchange(fixture, "/date");
	struct transmission *none = fixture_exchange(fixture, "/200");
	loop_run(fixture->loop);
	assert_int_equal(seconds->status_code, 429);
	assert_int_equal(seconds->retry_after_ms, 120000);
	assert_int_equal(date->status_code, 503);
	assert_int_equal(date->retry_after_ms, 0);
	assert_int_equal(none->retry_after_ms, 0);
	fixture_stop(fixture);
}

/* However a receiver spreads its bytes, the exchange ends when its time is up, and not much later. */
static void
test_one_deadline_for_all(void **state)
{
	static const char *const paths[] = {"/silent", "/slow-head", "/slow-body", "/slow-chunks"};
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct transmission *slow = fixture_post(fixture, "http://127.0.0.1", paths[i]);
		slow->timeout_ms = TIMEOUT_MS;
		fixture_dispatch(fixture, slow);
	}
	loop_run(fixture->loop);
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct transmission *slow = &fixture->sends[i];
		fixture_assert_problem(slow, TRANSMISSION_TIMED_OUT, "no complete answer within 120 ms");
		assert_in_range(slow->duration_us, TIMEOUT_MS * 1000, TIMEOUT_MS * 1000 + TOLERANCE_US);
	}
	fixture_stop(fixture);
}

/* A drip of interim answers is an answer's beginning, and runs into their limit. */
static void
test_first_byte(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.first_byte_timeout_ms = TIMEOUT_MS / 2;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *silent = fixture_exchange(fixture, "/silent");
	struct transmission *slow = fixture_post(fixture, "http://127.0.0.1", "/slow-body");
	slow->timeout_ms = TIMEOUT_MS;
	fixture_dispatch(fixture, slow);
	struct transmission *interim = fixture_exchange(fixture, "/slow-interim");
	loop_run(fixture->loop);
	fixture_assert_problem(silent, TRANSMISSION_TIMED_OUT, "no answer began within 60 ms");
	assert_in_range(silent->duration_us, 60000, 60000 + TOLERANCE_US);
	fixture_assert_problem(slow, TRANSMISSION_TIMED_OUT, "no complete answer within 120 ms");
	fixture_assert_problem(interim, TRANSMISSION_BROKEN, "interim");
	fixture_stop(fixture);
}

/* The same limits by the other client, which tells them in the same words. */
static void
test_first_byte_of_curl(void **state)
{
	struct fixture *fixture = *state;
	fixture->kind = TRANSPORT_CURL;
	fixture->options.first_byte_timeout_ms = TIMEOUT_MS / 2;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *silent = fixture_exchange(fixture, "/silent");
	struct transmission *slow = fixture_post(fixture, "http://127.0.0.1", "/slow-body");
	slow->timeout_ms = TIMEOUT_MS;
	fixture_dispatch(fixture, slow);
	loop_run(fixture->loop);
	fixture_assert_problem(silent, TRANSMISSION_TIMED_OUT, "no answer began within 60 ms");
	assert_in_range(silent->duration_us, 60000, 60000 + TOLERANCE_US);
	fixture_assert_problem(slow, TRANSMISSION_TIMED_OUT, "no complete answer within 120 ms");
	/* Its connection is gone, and the next request has one of its own. */
	fixture_exchange(fixture, "/200");
	loop_run(fixture->loop);
	fixture_stop(fixture);
}

/* A listener whose queue is full takes no connection: the system answers nothing. */
static void
test_connect_deadline(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	fixture->options.connect_timeout_ms = TIMEOUT_MS;
	fixture_start(fixture, "127.0.0.1", true);
	int port = fixture->server.port;
	fixture->server.port = ntohs(address.sin_port);
	for (int i = 0; i < 8; i++)
		fixture_post(fixture, "http://127.0.0.1", "/")->timeout_ms = TIMEOUT_MS * 3;
	for (int i = 0; i < 8; i++)
		fixture_dispatch(fixture, &fixture->sends[i]);
	loop_run(fixture->loop);
	size_t unconnected = 0;
	for (int i = 0; i < 8; i++) {
		const struct transmission *sent = &fixture->sends[i];
		/* The queue holds one or two; those wait for an answer. */
		if (sent->outcome == TRANSMISSION_TIMED_OUT)
			continue;
		fixture_assert_problem(sent, TRANSMISSION_UNREACHABLE, "no connection within 120 ms");
		assert_in_range(sent->duration_us, TIMEOUT_MS * 1000, TIMEOUT_MS * 1000 + TOLERANCE_US);
		unconnected++;
	}
	assert_true(unconnected >= 5);
	fixture->server.port = port;
	fixture_stop(fixture);
	close(fd);
}

static size_t
connections_for(struct fixture *fixture, const char *path, size_t requests)
{
	size_t before = atomic_load(&fixture->server.connection_count);
	fixture_start(fixture, "127.0.0.1", true);
	fixture_exchange(fixture, path);
	fixture->again = requests - 1;
	fixture->expected = requests;
	loop_run(fixture->loop);
	fixture_stop(fixture);
	return atomic_load(&fixture->server.connection_count) - before;
}

static void
test_which_connections_are_kept(void **state)
{
	struct fixture *fixture = *state;
	assert_int_equal(connections_for(fixture, "/200", 20), 1);
	assert_int_equal(connections_for(fixture, "/chunked", 20), 1);
	assert_int_equal(connections_for(fixture, "/204", 20), 1);
	assert_int_equal(connections_for(fixture, "/interim", 20), 1);
	assert_int_equal(connections_for(fixture, "/two-framings", 5), 5);
	assert_int_equal(connections_for(fixture, "/old", 5), 5);
	assert_int_equal(connections_for(fixture, "/behind", 5), 5);
	assert_int_equal(connections_for(fixture, "/short-keep", 5), 5);
}

/* What comes unasked on a kept connection is the answer to nothing: no request ever gets it. */
static void
test_second_answers_are_nobodys(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *twice = fixture_exchange(fixture, "/twice");
	loop_run(fixture->loop);
	fixture_assert_answer(twice, 200, "ok");
	fixture_stop(fixture);
}

/* As many connections as there may be: the rest waits, and the oldest idle one goes for a new authority. */
static void
test_connections_max(void **state)
{
	struct fixture *fixture = *state;
	fixture->options.connections_max = 3;
	fixture_start(fixture, "127.0.0.0/8", true);
	for (int i = 0; i < 32; i++) {
		char host[32];
		snprintf(host, sizeof host, "http://127.0.0.%d", 1 + i % 2);
		fixture_dispatch(fixture, fixture_post(fixture, i % 2 == 0 ? host : "http://127.1", "/200"));
	}
	loop_run(fixture->loop);
	for (int i = 0; i < 32; i++)
		fixture_assert_answer(&fixture->sends[i], 200, "ok");
	fixture_stop(fixture);

	fixture->options.connect_timeout_ms = TIMEOUT_MS;
	fixture_start(fixture, "127.0.0.1", true);
	for (int i = 0; i < 4; i++)
		fixture_post(fixture, "http://127.0.0.1", "/silent")->timeout_ms = TIMEOUT_MS * 2;
	for (int i = 0; i < 4; i++)
		fixture_dispatch(fixture, &fixture->sends[i]);
	loop_run(fixture->loop);
	for (int i = 0; i < 3; i++)
		fixture_assert_problem(&fixture->sends[i], TRANSMISSION_TIMED_OUT, "");
	fixture_assert_problem(&fixture->sends[3], TRANSMISSION_UNREACHABLE, "no connection within 120 ms");
	fixture_stop(fixture);
}

static bool
speak_first(struct http_server *server, struct http_wire *wire)
{
	(void)server;
	put(wire, OK_11 "content-length: 2\r\n\r\nok");
	return wait_for_end(wire);
}

/* Whether it came before the request or crossed it, there is one report and the connection is not kept. */
static void
test_answer_before_the_request(void **state)
{
	struct fixture *fixture = *state;
	fixture->server.begin = speak_first;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *early = fixture_exchange(fixture, "/200");
	loop_run(fixture->loop);
	assert_true(early->outcome == TRANSMISSION_UNREACHABLE || early->outcome == TRANSMISSION_ANSWERED);
	fixture_stop(fixture);
}

static bool
refuse_large(struct http_server *server, struct http_wire *wire)
{
	(void)server;
	char bytes[1024];
	(void)wire->read(wire, bytes, sizeof bytes);
	put(wire, "HTTP/1.1 413 Large\r\ncontent-length: 2\r\n\r\nno");
	shutdown(wire->fd, SHUT_WR);
	return wait_for_end(wire);
}

/* The answer may come while the request is still being sent. */
static void
test_answer_during_the_request(void **state)
{
	struct fixture *fixture = *state;
	fixture->server.begin = refuse_large;
	fixture_start(fixture, "127.0.0.1", true);
	struct transmission *large = fixture_post(fixture, "http://127.0.0.1", "/large");
	char *bytes = calloc(1, (size_t)16 << 20);
	large->body = (struct slice){bytes, (size_t)16 << 20};
	fixture_dispatch(fixture, large);
	loop_run(fixture->loop);
	fixture_assert_answer(large, 413, "no");
	free(bytes);
	fixture_stop(fixture);
}

/* None of these leaves us. */
static void
test_requests_that_are_refused(void **state)
{
	struct http_header bad[] = {{SLICE("x"), SLICE("a\rb")}, {SLICE("x"), {"a\0b", 3}}, {SLICE("x\ny"), SLICE("a")},
	    {SLICE("x y"), SLICE("a")}, {SLICE("x:"), SLICE("a")}, {SLICE(""), SLICE("a")},
	    {SLICE("x"), SLICE("a\x7f")}, {SLICE("Content-Length"), SLICE("1")},
	    {SLICE("transfer-encoding"), SLICE("chunked")}, {SLICE("HOST"), SLICE("b")},
	    {SLICE("connection"), SLICE("upgrade")}};
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct transmission *sent = fixture_post(fixture, "http://127.0.0.1", "/200");
		sent->headers = (struct http_headers){&bad[i], 1};
		fixture_dispatch(fixture, sent);
	}
	fixture_dispatch(fixture, fixture_post(fixture, "http://127.0.0.1", "/a\r\nx: y"));
	fixture_dispatch(fixture, fixture_post(fixture, "http://127.0.0.1", "/a b"));
	fixture_dispatch(fixture, fixture_post(fixture, "http://[127.0.0.1]", "/"));
	fixture_dispatch(fixture, fixture_post(fixture, "http://[1:2]", "/"));
	loop_run(fixture->loop);
	for (size_t i = 0; i < fixture->expected; i++)
		fixture_assert_problem(&fixture->sends[i], TRANSMISSION_REFUSED, "");
	assert_int_equal(atomic_load(&fixture->server.connection_count), 0);
	fixture_stop(fixture);
}

#define HOSTILE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    HOSTILE_TEST(test_framings),
	    HOSTILE_TEST(test_broken_framings),
	    HOSTILE_TEST(test_retry_after),
	    HOSTILE_TEST(test_one_deadline_for_all),
	    HOSTILE_TEST(test_first_byte),
	    HOSTILE_TEST(test_first_byte_of_curl),
	    HOSTILE_TEST(test_connect_deadline),
	    HOSTILE_TEST(test_which_connections_are_kept),
	    HOSTILE_TEST(test_second_answers_are_nobodys),
	    HOSTILE_TEST(test_connections_max),
	    HOSTILE_TEST(test_answer_before_the_request),
	    HOSTILE_TEST(test_answer_during_the_request),
	    HOSTILE_TEST(test_requests_that_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
