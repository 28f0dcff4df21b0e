/* Requests read out of bytes, cut in every way, and the heads of answers. */
#include "base/limits.h"
#include "server/http_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BODY_MAX = 64 };

struct reading {
	struct http_request request;
	struct arena arena;
	struct buf bytes, body;
	size_t used;
};

/* Feeds the text in pieces of the given sizes, the last one as often as needed. Head bytes stay at one address, as the reader wants it. */
static void
read_pieces(struct reading *reading, struct slice text, size_t first, size_t others)
{
	*reading = (struct reading){.arena = ARENA_EMPTY};
	buf_init(&reading->body, BODY_MAX);
	struct http_request *request = &reading->request;
	http_request_begin(request, BODY_MAX);
	size_t come = 0, piece = first;
	while (request->stage <= HTTP_FIELDS && come < text.len) {
		come = text.len - come < piece ? text.len : come + piece;
		piece = others;
		reading->used = http_request_head(request, (struct slice){text.ptr, come}, &reading->arena);
		assert_true(reading->used <= come);
		assert_true(reading->used == 0 || request->stage > HTTP_FIELDS);
	}
	while (request->stage < HTTP_WHOLE && request->stage > HTTP_FIELDS) {
		if (reading->used == come) {
			if (come == text.len)
				break;
			come = text.len - come < others ? text.len : come + others;
		}
		struct slice content;
		reading->used += http_request_body(
		    request, (struct slice){text.ptr + reading->used, come - reading->used}, &content);
		buf_append(&reading->body, content);
		assert_false(reading->body.overflow);
	}
}

static void
reading_end(struct reading *reading)
{
	arena_free(&reading->arena);
	buf_free(&reading->body);
}

struct request_case {
	const char *text;
	int status; /* of the refusal; 0: it is whole; -1: it goes on */
	const char *method, *path, *query, *body;
	bool keep;
	const char *behind; /* what does not belong to it */
};

#define GET "GET / HTTP/1.1\r\nhost: x\r\n"
#define POST "POST /p HTTP/1.1\r\nhost: x\r\n"
#define CHUNKED POST "transfer-encoding: chunked\r\n\r\n"
#define WHOLE(body, keep, behind) 0, "POST", "/p", NULL, body, keep, behind
#define REFUSED(status) (status), NULL, NULL, NULL, NULL, false, NULL
#define GOES_ON -1, NULL, NULL, NULL, NULL, false, NULL

static const struct request_case cases[] = {
    {GET "\r\n", 0, "GET", "/", NULL, "", true, ""},
    {"\r\n" GET "\r\n", 0, "GET", "/", NULL, "", true, ""},
    {"\r\n\r\n" GET "\r\n", REFUSED(400)},
    {"GET /a?b=c?d HTTP/1.1\r\nhost: x\r\n\r\nGET", 0, "GET", "/a", "b=c?d", "", true, "GET"},
    {"GET /a? HTTP/1.1\r\nhost:\r\n\r\n", 0, "GET", "/a", "", "", true, ""},
    /* Other forms are handed on as they are; nobody answers to them. */
    {"GET http://x/a HTTP/1.1\r\nhost: x\r\n\r\n", 0, "GET", "http://x/a", NULL, "", true, ""},
    {"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 0, "OPTIONS", "*", NULL, "", true, ""},
    {"CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n", 0, "CONNECT", "x:1", NULL, "", true, ""},
    {"GET /%00%2f\xc3\xa9#f HTTP/1.1\r\nhost: x\r\n\r\n", 0, "GET", "/%00%2f\xc3\xa9#f", NULL, "", true, ""},
    /* versions */
    {"GET / HTTP/1.0\r\n\r\n", 0, "GET", "/", NULL, "", false, ""},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0, "GET", "/", NULL, "", true, ""},
    {"GET / HTTP/1.7\r\nhost: x\r\nCONNECTION: a, CLOSE\r\n\r\n", 0, "GET", "/", NULL, "", false, ""},
    {"GET / HTTP/2.0\r\n", REFUSED(505)},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REFUSED(505)},
    {"GET / HTTP/0.9\r\n", REFUSED(505)},
    {"GET / HTTP/11\r\n", REFUSED(400)},
    {"GET / HTTP/1.1x\r\n", REFUSED(400)},
    {"GET / http/1.1\r\n", REFUSED(400)},
    {"GET /\r\n", REFUSED(400)},
    /* request lines */
    {"GET  / HTTP/1.1\r\n", REFUSED(400)},
    {"GET / HTTP/1.1 \r\n", REFUSED(400)},
    {"GET /a b HTTP/1.1\r\n", REFUSED(400)},
    {"GET /a\tb HTTP/1.1\r\n", REFUSED(400)},
    {" GET / HTTP/1.1\r\n", REFUSED(400)},
    {"G@T / HTTP/1.1\r\n", REFUSED(400)},
    {"GET /\x01 HTTP/1.1\r\n", REFUSED(400)},
    {"GET / HTTP/1.1\n", REFUSED(400)},
    {"\n", REFUSED(400)},
    {"\x16\x03\x01\x02\r\n", REFUSED(400)},
    {"hello\nthere\n\n", REFUSED(400)},
    /* fields */
    {GET "x:\t y \t\r\n\r\n", 0, "GET", "/", NULL, "", true, ""},
    {GET "x: y\n\r\n", REFUSED(400)},
    {GET "x: a\rb\r\n\r\n", REFUSED(400)},
    {GET "x : y\r\n\r\n", REFUSED(400)},
    {GET "x\t: y\r\n\r\n", REFUSED(400)},
    {GET "x y: z\r\n\r\n", REFUSED(400)},
    {GET "x: y\r\n folded\r\n\r\n", REFUSED(400)},
    {GET "x: y\r\n\tfolded: z\r\n\r\n", REFUSED(400)},
    {GET "no colon\r\n\r\n", REFUSED(400)},
    {GET ": nameless\r\n\r\n", REFUSED(400)},
    {GET "x: \x01\r\n\r\n", REFUSED(400)},
    {GET "x: \x7f\r\n\r\n", REFUSED(400)},
    {GET "x\xc3\xa9: y\r\n\r\n", REFUSED(400)},
    {GET "\r", GOES_ON},
    /* hosts */
    {"GET / HTTP/1.1\r\n\r\n", REFUSED(400)},
    {GET "HOST: x\r\n\r\n", REFUSED(400)},
    {"GET / HTTP/1.0\r\nhost: x\r\nhost: x\r\n\r\n", REFUSED(400)},
    {"GET / HTTP/1.1\r\nhost: a b\r\n\r\n", REFUSED(400)},
    {"GET / HTTP/1.1\r\nhost: a/b\r\n\r\n", REFUSED(400)},
    {"GET / HTTP/1.1\r\nhost: a@b\r\n\r\n", REFUSED(400)},
    {"GET / HTTP/1.1\r\nhost: [::1]:80\r\n\r\n", 0, "GET", "/", NULL, "", true, ""},
    /* lengths */
    {POST "content-length: 2\r\n\r\nabc", WHOLE("ab", true, "c")},
    {POST "content-length: 0\r\n\r\nabc", WHOLE("", true, "abc")},
    {POST "content-length: 002\r\n\r\nab", WHOLE("ab", true, "")},
    {POST "content-length: 3\r\n\r\nab", GOES_ON},
    {POST "content-length: 2\r\ncontent-length: 2\r\n\r\nab", REFUSED(400)},
    {POST "content-length: 2\r\ncontent-length: 0\r\n\r\nab", REFUSED(400)},
    {POST "content-length: 2, 2\r\n\r\nab", REFUSED(400)},
    {POST "content-length: +2\r\n\r\nab", REFUSED(400)},
    {POST "content-length: -2\r\n\r\nab", REFUSED(400)},
    {POST "content-length: 0x2\r\n\r\nab", REFUSED(400)},
    {POST "content-length: 2 2\r\n\r\nab", REFUSED(400)},
    {POST "content-length:\r\n\r\nab", REFUSED(400)},
    {POST "content-length: 65\r\n\r\n", REFUSED(413)},
    {POST "content-length: 18446744073709551618\r\n\r\n", REFUSED(413)},
    /* codings */
    {POST "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n", REFUSED(400)},
    {POST "transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n", REFUSED(400)},
    {POST "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n", REFUSED(400)},
    {POST "transfer-encoding: chunked, chunked\r\n\r\n", REFUSED(400)},
    {POST "transfer-encoding: gzip, chunked\r\n\r\n", REFUSED(400)},
    {POST "transfer-encoding: xchunked\r\n\r\n", REFUSED(400)},
    {POST "transfer-encoding: identity\r\n\r\n", REFUSED(400)},
    {POST "transfer-encoding:\r\n\r\n", REFUSED(400)},
    {POST "transfer-encoding: \"chunked\"\r\n\r\n", REFUSED(400)},
    {"POST /p HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n", REFUSED(400)},
    /* chunks */
    {CHUNKED "0\r\n\r\nabc", WHOLE("", true, "abc")},
    {CHUNKED "2\r\nab\r\n0\r\n\r\nabc", WHOLE("ab", true, "abc")},
    {CHUNKED "2;a=\"b;c\"\r\nab\r\n00A \t;x\r\n0123456789\r\n000\r\nwebhook-id: other\r\nx:\r\n\r\n",
	WHOLE("ab0123456789", true, "")},
    {CHUNKED "000000000000000000000000000000001\r\na\r\n0\r\n\r\n", WHOLE("a", true, "")},
    {CHUNKED "2\r\nab\r\n0\r\n", GOES_ON},
    {CHUNKED "\r\n", REFUSED(400)},
    {CHUNKED ";x\r\n", REFUSED(400)},
    {CHUNKED " 2\r\nab\r\n", REFUSED(400)},
    {CHUNKED "2 \r\nab\r\n", REFUSED(400)},
    {CHUNKED "2 2\r\nab\r\n", REFUSED(400)},
    {CHUNKED "zz\r\n", REFUSED(400)},
    {CHUNKED "-1\r\n", REFUSED(400)},
    {CHUNKED "0x2\r\n{}\r\n", REFUSED(400)},
    {CHUNKED "2\nab\r\n", REFUSED(400)},
    {CHUNKED "2;a\nab\r\n", REFUSED(400)},
    {CHUNKED "2\r\r\nab\r\n", REFUSED(400)},
    {CHUNKED "2;a\rb\r\nab\r\n", REFUSED(400)},
    {CHUNKED "2;\x01\r\nab\r\n", REFUSED(400)},
    {CHUNKED "2\r\nabc\r\n", REFUSED(400)},
    {CHUNKED "2\r\nab\n0\r\n\r\n", REFUSED(400)},
    {CHUNKED "2\r\nab0\r\n\r\n", REFUSED(400)},
    {CHUNKED "41\r\n", REFUSED(413)},
    {CHUNKED "20\r\n0123456789abcdef0123456789abcdef\r\n21\r\n", REFUSED(413)},
    {CHUNKED "ffffffffffffffff\r\n", REFUSED(413)},
    {CHUNKED "10000000000000002\r\n", REFUSED(413)},
    {CHUNKED "ffffffffffffffffff\r\n", REFUSED(413)},
    {CHUNKED "0\r\nbad trailer\r\n\r\n", REFUSED(400)},
    {CHUNKED "0\r\nx : y\r\n\r\n", REFUSED(400)},
    {CHUNKED "0\r\n folded\r\n\r\n", REFUSED(400)},
    {CHUNKED "0\r\nx: y\n\r\n", REFUSED(400)},
    {CHUNKED "0\r\n\n", REFUSED(400)},
};

static void
check_case(const struct request_case *expected, size_t first, size_t others)
{
	struct slice text = slice_of(expected->text);
	struct reading reading;
	read_pieces(&reading, text, first, others);
	const struct http_request *request = &reading.request;
	enum http_stage stage = expected->status == 0 ? HTTP_WHOLE : HTTP_REFUSED;
	bool good = expected->status == -1 ? request->stage < HTTP_WHOLE : request->stage == stage;
	if (!good || (expected->status > 0 && request->refusal.status != expected->status))
		fail_msg("\"%s\" by %zu, then %zu: stage %d, status %d", expected->text, first, others,
		    (int)request->stage, request->refusal.status);
	if (expected->status > 0)
		assert_false(request->keep);
	if (expected->status == 0) {
		assert_true(slice_is(request->method, expected->method));
		assert_true(slice_is(request->path, expected->path));
		assert_int_equal(slice_present(request->query), expected->query != NULL);
		assert_true(expected->query == NULL || slice_is(request->query, expected->query));
		assert_true(slice_is(buf_slice(&reading.body), expected->body));
		assert_int_equal(request->keep, expected->keep);
		assert_true(slice_is(slice_skip(text, reading.used), expected->behind));
	}
	reading_end(&reading);
}

static void
test_cut_everywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t length = strlen(cases[i].text);
		for (size_t first = 1; first <= length; first++)
			check_case(&cases[i], first, length);
		for (size_t piece = 1; piece < 8; piece++)
			check_case(&cases[i], piece, piece);
	}
}

static void
test_a_nul_is_nowhere(void **state)
{
	(void)state;
	const struct slice texts[] = {
	    SLICE("GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n"),
	    SLICE("GET / HTTP/1.1\r\nhost: x\0\r\n\r\n"),
	    SLICE("GET / HTTP/1.1\r\nhost: x\r\nx\0: y\r\n\r\n"),
	    SLICE("GET / HTTP/1.1\r\nhost: x\r\nx: y\0\r\n\r\n"),
	    SLICE("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\0\r\n"),
	    SLICE("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: \0\r\n\r\n"),
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct reading reading;
		read_pieces(&reading, texts[i], texts[i].len, 1);
		assert_int_equal(reading.request.stage, HTTP_REFUSED);
		assert_int_equal(reading.request.refusal.status, 400);
		reading_end(&reading);
	}
}

/* `text`, then `piece` as often as it takes to be `length` long, then `end`; by one piece and by many. */
static void
check_long(const char *text, const char *piece, size_t length, const char *end, int status)
{
	struct buf whole;
	buf_init(&whole, 1 << 20);
	buf_text(&whole, text);
	while (whole.len + strlen(end) < length)
		buf_append(
		    &whole, (struct slice){piece,
				1 + (whole.len + strlen(end) + strlen(piece) <= length ? strlen(piece) - 1 : 0)});
	buf_text(&whole, end);
	assert_int_equal(whole.len, length);
	for (size_t by = 1; by < length; by = by * 3 + 1) {
		struct reading reading;
		read_pieces(&reading, buf_slice(&whole), by, by);
		if (reading.request.stage != (status == 0 ? HTTP_WHOLE : HTTP_REFUSED) ||
		    reading.request.refusal.status != status)
			fail_msg("%zu bytes of %s by %zu: stage %d, %d", length, text, by, (int)reading.request.stage,
			    reading.request.refusal.status);
		reading_end(&reading);
	}
	buf_free(&whole);
}

static void
test_limits(void **state)
{
	(void)state;
	check_long(GET "x: ", "y", LIMIT_HEADER_BYTES, "\r\n\r\n", 0);
	check_long(GET "x: ", "y", LIMIT_HEADER_BYTES + 1, "\r\n\r\n", 431);
	check_long(GET "x: ", "y", 3 * LIMIT_HEADER_BYTES, "", 431);
	check_long("GET /", "y", LIMIT_HEADER_BYTES, " HTTP/1.1\r\nhost: x\r\n\r\n", 0);
	check_long("GET /", "y", LIMIT_HEADER_BYTES + 1, " HTTP/1.1\r\nhost: x\r\n\r\n", 431);
	check_long("GET /", "y", 2 * LIMIT_HEADER_BYTES, "", 414);
	check_long(CHUNKED "0;", "x", LIMIT_HEADER_BYTES, "\r\n\r\n", 0);
	check_long(CHUNKED "0;", "x", LIMIT_HEADER_BYTES + 4096, "\r\n\r\n", 431);
	check_long(CHUNKED "0\r\nx: ", "x", LIMIT_HEADER_BYTES + 4096, "\r\n\r\n", 431);
	check_long(CHUNKED "0", "0", LIMIT_HEADER_BYTES + 4096, "\r\n\r\n", 431);
	static const char field[] = "a:\r\n";
	size_t host = strlen(GET);
	check_long(GET, field, host + (LIMIT_HEADERS - 1) * (sizeof field - 1) + 2, "\r\n", 0);
	check_long(GET, field, host + LIMIT_HEADERS * (sizeof field - 1) + 2, "\r\n", 431);
}

static void
test_headers_and_expectations(void **state)
{
	(void)state;
	struct reading reading;
	read_pieces(&reading, SLICE(POST "Expect: 100-Continue\r\nX: a b \r\ncontent-length: 1\r\n\r\n"), 7, 3);
	assert_int_equal(reading.request.stage, HTTP_LENGTH);
	assert_true(reading.request.expects);
	assert_int_equal(reading.request.headers.count, 4);
	assert_true(slice_is(reading.request.headers.items[2].name, "X"));
	assert_true(slice_is(reading.request.headers.items[2].value, "a b"));
	reading_end(&reading);
	/* Where there is nothing to wait for. */
	static const char *const others[] = {POST "expect: 100-continue\r\n\r\n",
	    "POST /p HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n",
	    POST "expect: something\r\ncontent-length: 1\r\n\r\n"};
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		read_pieces(&reading, slice_of(others[i]), 5, 5);
		assert_true(reading.request.stage == HTTP_WHOLE || reading.request.stage == HTTP_LENGTH);
		assert_false(reading.request.expects);
		reading_end(&reading);
	}
}

static void
test_answers(void **state)
{
	(void)state;
	char date[HTTP_DATE_BYTES];
	size_t bytes = http_date_write(date, 784111777);
	struct http_header items[] = {{SLICE("allow"), SLICE("GET")}, {SLICE("x"), SLICE("a\r\nset-cookie: b")},
	    {SLICE("y\r\nz"), SLICE("a")}, {SLICE("Content-Type"), SLICE("text/plain")}};
	struct http_headers headers = {items, 3};
	struct http_answer answer = {.status = 200, .headers = &headers, .date = {date, bytes}, .body_bytes = 12345};
	struct buf out;
	buf_init(&out, 4096);
	http_answer_write(&out, &answer);
	assert_true(slice_is(buf_slice(&out), "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\nallow: GET\r\n"
					      "content-type: application/json\r\ncontent-length: 12345\r\n\r\n"));
	buf_clear(&out);
	headers = (struct http_headers){items + 3, 1};
	answer.old = true;
	http_answer_write(&out, &answer);
	assert_true(slice_is(buf_slice(&out),
	    "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
	    "content-length: 12345\r\nconnection: keep-alive\r\n\r\n"));
	buf_clear(&out);
	answer = (struct http_answer){.status = 204, .date = {date, bytes}, .close = true, .old = true};
	http_answer_write(&out, &answer);
	assert_true(slice_is(buf_slice(&out),
	    "HTTP/1.1 204 No Content\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\nconnection: close\r\n\r\n"));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cut_everywhere),
	    cmocka_unit_test(test_a_nul_is_nowhere),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_headers_and_expectations),
	    cmocka_unit_test(test_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
