/* One blocking exchange: what it sends, what it takes from an answer, and that what it must not do it does not. */
#include "http_server.h"

#include "base/clock.h"
#include "transport/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

struct fixture {
	struct http_server server;
	struct arena arena;
	struct fetcher *fetcher;
	struct error error;
	char seen[4096]; /* the last request's head and body */
};

static bool
say(struct http_wire *wire, const char *text)
{
	return wire->write(wire, text, strlen(text)) == (long)strlen(text);
}

/* The server hands no context to `respond`: what was asked is answered back as the body. */
static bool
respond(struct http_wire *wire, const char *request, size_t length)
{
	if (strstr(request, " /redirect") != NULL)
		return say(wire, "HTTP/1.1 302 Found\r\nlocation: /echo\r\ncontent-length: 0\r\n\r\n");
	if (strstr(request, " /long") != NULL)
		return say(wire, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789");
	if (strstr(request, " /never") != NULL) {
		char byte;
		while (wire->read(wire, &byte, 1) > 0)
			continue;
		return false;
	}
	char head[512];
	snprintf(head, sizeof head,
	    "HTTP/1.1 103 Early Hints\r\nlink: </early>\r\n\r\n"
	    "HTTP/1.1 429 Slow\r\nContent-Type: application/json\r\nRETRY-AFTER: 7\r\nLink: </a>; rel=next\r\n"
	    "link: </b>; rel=prev\r\ncache-control: max-age=60\r\ncontent-length: %zu\r\n\r\n",
	    length);
	return say(wire, head) && wire->write(wire, request, length) == (long)length;
}

static int
setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	fixture->server.respond = respond;
	http_server_start(&fixture->server);
	*state = fixture;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;
	fetcher_free(fixture->fetcher);
	http_server_stop(&fixture->server);
	arena_free(&fixture->arena);
	free(fixture);
	return 0;
}

static void
open_fetcher(struct fixture *fixture, const struct fetch_settings *settings)
{
	assert_int_equal(fetcher_new(settings, &fixture->fetcher, &fixture->error), OK);
}

static enum error_code
get(struct fixture *fixture, const char *path, struct fetch_request request, struct fetch_answer *answer)
{
	request.url = arena_printf(&fixture->arena, "http://127.0.0.1:%d%s", fixture->server.port, path);
	if (request.method == NULL)
		request.method = "GET";
	return fetch(fixture->fetcher, &request, &fixture->arena, answer, &fixture->error);
}

static void
assert_has(struct slice text, const char *part)
{
	if (memmem(text.ptr, text.len, part, strlen(part)) == NULL)
		fail_msg("\"%.*s\" has no \"%s\"", (int)text.len, text.ptr, part);
}

static void
test_sends_and_takes(void **state)
{
	struct fixture *fixture = *state;
	open_fetcher(fixture, &(struct fetch_settings){.guard = NULL});
	struct http_header headers[] = {
	    {SLICE("authorization"), SLICE("Bearer one")}, {SLICE("content-type"), SLICE("application/json")}};
	struct fetch_answer answer;
	assert_int_equal(
	    get(fixture, "/a%2Fb/../c?q=1",
		(struct fetch_request){.method = "PUT", .headers = {headers, 2}, .body = SLICE("{\"a\":1}")}, &answer),
	    OK);
	assert_int_equal(answer.status, 429);
	assert_has(answer.body, "PUT /a%2Fb/../c?q=1 HTTP/1.1\r\n");
	assert_has(answer.body, "authorization: Bearer one\r\n");
	assert_has(answer.body, "content-type: application/json\r\n");
	assert_has(answer.body, "\r\n\r\n{\"a\":1}");
	assert_true(slice_is(answer.content_type, "application/json"));
	assert_true(slice_is(answer.retry_after, "7"));
	assert_true(slice_is(answer.cache_control, "max-age=60"));
	assert_true(slice_is(answer.link, "</a>; rel=next, </b>; rel=prev"));
	/* The next one, on the same connection, has nothing of the last. */
	assert_int_equal(get(fixture, "/echo", (struct fetch_request){.method = "GET"}, &answer), OK);
	assert_true(memmem(answer.body.ptr, answer.body.len, "Bearer", 6) == NULL);
	assert_has(answer.body, "GET /echo HTTP/1.1\r\n");
	assert_int_equal(fixture->server.connection_count, 1);
}

static void
test_does_not_follow(void **state)
{
	struct fixture *fixture = *state;
	open_fetcher(fixture, &(struct fetch_settings){.guard = NULL});
	struct fetch_answer answer;
	assert_int_equal(get(fixture, "/redirect", (struct fetch_request){.method = "GET"}, &answer), OK);
	assert_int_equal(answer.status, 302);
	assert_int_equal(answer.body.len, 0);
	assert_int_equal(fixture->server.request_count, 1);
}

static void
test_limits_and_secrets(void **state)
{
	struct fixture *fixture = *state;
	open_fetcher(fixture, &(struct fetch_settings){.guard = NULL});
	struct fetch_answer answer;
	assert_int_equal(
	    get(fixture, "/long?secret=1", (struct fetch_request){.answer_bytes_max = 8}, &answer), ERR_LIMIT);
	assert_has(slice_of(fixture->error.text), "127.0.0.1: its answer is longer than 8 bytes");
	assert_int_equal(
	    get(fixture, "/never?secret=1", (struct fetch_request){.timeout_ms = 50}, &answer), ERR_UNAVAILABLE);
	assert_null(strstr(fixture->error.text, "secret"));
	struct http_header split = {SLICE("x"), SLICE("a\r\nb: c")};
	assert_int_equal(get(fixture, "/echo", (struct fetch_request){.headers = {&split, 1}}, &answer), ERR_INVALID);
	int port = fixture->server.port;
	fixture->server.port = 1; /* nobody listens there */
	assert_int_equal(
	    get(fixture, "/?secret=1", (struct fetch_request){.timeout_ms = 2000}, &answer), ERR_UNAVAILABLE);
	assert_null(strstr(fixture->error.text, "secret"));
	fixture->server.port = port;
}

static void
test_guard(void **state)
{
	struct fixture *fixture = *state;
	struct guard guard;
	assert_int_equal(guard_parse(SLICE(""), &guard, &fixture->error), OK);
	open_fetcher(fixture, &(struct fetch_settings){.guard = &guard});
	struct fetch_answer answer;
	assert_int_equal(get(fixture, "/echo", (struct fetch_request){.method = "GET"}, &answer), ERR_FORBIDDEN);
	assert_int_equal(fixture->server.connection_count, 0);
	fetcher_free(fixture->fetcher);
	assert_int_equal(guard_parse(SLICE("127.0.0.0/8"), &guard, &fixture->error), OK);
	open_fetcher(fixture, &(struct fetch_settings){.guard = &guard});
	assert_int_equal(get(fixture, "/echo", (struct fetch_request){.method = "GET"}, &answer), OK);
	fetcher_free(fixture->fetcher);
	open_fetcher(fixture, &(struct fetch_settings){.https_only = true});
	assert_int_equal(get(fixture, "/echo", (struct fetch_request){.method = "GET"}, &answer), ERR_INVALID);
}

static void
test_interrupt(void **state)
{
	struct fixture *fixture = *state;
	atomic_bool stop = true;
	open_fetcher(fixture, &(struct fetch_settings){.interrupt = &stop});
	struct fetch_answer answer;
	struct mono_time began = clock_mono();
	assert_int_equal(get(fixture, "/never", (struct fetch_request){.method = "GET"}, &answer), ERR_UNAVAILABLE);
	assert_true(clock_mono().us - began.us < 5000000);
	assert_has(slice_of(fixture->error.text), "interrupted");
}

static void
test_files_are_named(void **state)
{
	struct fixture *fixture = *state;
	const struct fetch_settings settings = {.authorities = "/nowhere/ca.pem"};
	assert_int_equal(fetcher_new(&settings, &fixture->fetcher, &fixture->error), ERR_INVALID);
	assert_has(slice_of(fixture->error.text), "/nowhere/ca.pem");
	assert_null(fixture->fetcher);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_sends_and_takes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_does_not_follow, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_limits_and_secrets, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_guard, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_interrupt, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_files_are_named, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
