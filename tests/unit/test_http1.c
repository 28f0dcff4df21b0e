/* The parts of the own client that need no network: answers, URLs, authorities, Retry-After, timers. */
#include "transport/connections.h"
#include "transport/http1_parse.h"
#include "transport/retry_after.h"
#include "transport/timers.h"
#include "transport/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BODY_MAX = 32 };

/* Reads the answer in pieces of `piece` bytes, and its end when `ends`. */
static struct http1
parse(const char *text, size_t length, size_t piece, bool ends, struct buf *body)
{
	struct http1 http;
	http1_init(&http);
	buf_clear(body);
	http1_begin(&http, body);
	for (size_t at = 0; at < length && http.stage < HTTP1_DONE;) {
		size_t count = length - at < piece ? length - at : piece;
		at += http1_feed(&http, (struct slice){text + at, count});
	}
	if (ends)
		http1_end(&http);
	http1_fini(&http);
	return http;
}

struct answer_case {
	const char *text;
	int status; /* 0: bad */
	bool keep, ends;
	const char *body, *problem;
};

#define OK_11 "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_11 "transfer-encoding: chunked\r\n\r\n"

static const struct answer_case cases[] = {
    {OK_11 "content-length: 2\r\n\r\nok", 200, true, false, "ok", NULL},
    {"HTTP/1.1 204\r\n\r\n", 204, true, false, "", NULL},
    {"HTTP/1.1 204 \r\ncontent-length: 4\r\n\r\n", 204, false, false, "", NULL},
    {"HTTP/1.1 304 Not\r\n\r\n", 304, true, false, "", NULL},
    {"HTTP/1.1 200 OK\ncontent-length: 2\n\nok", 200, true, false, "ok", NULL},
    {"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", 200, false, false, "", NULL},
    {"HTTP/1.0 200 OK\r\ncontent-length: 0\r\nConnection: Keep-Alive\r\n\r\n", 200, true, false, "", NULL},
    {OK_11 "content-length: 0\r\nconnection: x, Close\r\n\r\n", 200, false, false, "", NULL},
    {OK_11 "\r\nuntil the end", 200, false, true, "until the end", NULL},
    {OK_11 "Content-Length: 2, 2\r\nCONTENT-LENGTH: 2\r\n\r\nok", 200, true, false, "ok", NULL},
    {CHUNKED "2\r\nok\r\n0\r\n\r\n", 200, true, false, "ok", NULL},
    {CHUNKED "2;a=\"b\"\r\nok\r\n00A ;x\r\n0123456789\r\n0\r\ntrailer: x\r\ncontent-length: 9\r\n\r\n", 200, true,
	false, "ok0123456789", NULL},
    {OK_11 "transfer-encoding: CHUNKED\r\ncontent-length: 2\r\n\r\n0\r\n\r\n", 200, false, false, "", NULL},
    {"HTTP/1.1 100 Continue\r\nx: y\r\n\r\nHTTP/1.1 103 Hints\r\ncontent-length: 9\r\n\r\nHTTP/1.1 202 A\r\n"
     "content-length: 1\r\n\r\n!",
	202, true, false, "!", NULL},
    /* lengths */
    {OK_11 "content-length: 2\r\ncontent-length: 3\r\n\r\nok!", 0, false, false, NULL, "twice"},
    {OK_11 "content-length: 2, 3\r\n\r\nok!", 0, false, false, NULL, "twice"},
    {OK_11 "content-length: -2\r\n\r\n", 0, false, false, NULL, "length is malformed"},
    {OK_11 "content-length: +2\r\n\r\n", 0, false, false, NULL, "length is malformed"},
    {OK_11 "content-length: 0x2\r\n\r\n", 0, false, false, NULL, "length is malformed"},
    {OK_11 "content-length:\r\n\r\n", 0, false, false, NULL, "length is malformed"},
    {OK_11 "content-length: 99999999999999999999\r\n\r\n", 0, false, false, NULL, "length is malformed"},
    /* codings */
    {OK_11 "transfer-encoding: gzip, chunked\r\n\r\n", 0, false, false, NULL, "not chunked"},
    {OK_11 "transfer-encoding: identity\r\n\r\n", 0, false, false, NULL, "not chunked"},
    {OK_11 "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n", 0, false, false, NULL, "not chunked"},
    {"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", 0, false, false, NULL, "not chunked"},
    /* chunks */
    {CHUNKED "\r\n", 0, false, false, NULL, "chunk"},
    {CHUNKED "g\r\n", 0, false, false, NULL, "chunk"},
    {CHUNKED "-1\r\n", 0, false, false, NULL, "chunk"},
    {CHUNKED " 2\r\nok\r\n", 0, false, false, NULL, "chunk"},
    {CHUNKED "0x2\r\nok\r\n", 0, false, false, NULL, "chunk"},
    {CHUNKED "2\nok\r\n0\r\n\r\n", 0, false, false, NULL, "chunk"},
    {CHUNKED "2\r\nokay\r\n", 0, false, false, NULL, "chunk"},
    {CHUNKED "ffffffffffffffff\r\n", 0, false, false, NULL, "chunk"},
    {CHUNKED "2;a\rb\r\nok\r\n", 0, false, false, NULL, "chunk"},
    {CHUNKED "2\r\nok\r\n0\r\nbad trailer\r\n\r\n", 0, false, false, NULL, "header"},
    /* heads */
    {"HTTP/2 200 OK\r\n\r\n", 0, false, false, NULL, "not HTTP/1"},
    {"HTTP/1.1 2000 OK\r\n\r\n", 0, false, false, NULL, "not HTTP/1"},
    {"HTTP/1.1 20 OK\r\n\r\n", 0, false, false, NULL, "not HTTP/1"},
    {"HTTP/1.1 099 OK\r\n\r\n", 0, false, false, NULL, "not HTTP/1"},
    {"http/1.1 200 OK\r\n\r\n", 0, false, false, NULL, "not HTTP/1"},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", 0, false, false, NULL, "not HTTP/1"},
    {"HTTP/1.1 101 Switching\r\n\r\n", 0, false, false, NULL, "changes the protocol"},
    {OK_11 "name : value\r\n\r\n", 0, false, false, NULL, "header"},
    {OK_11 "x: y\r\n folded\r\n\r\n", 0, false, false, NULL, "header"},
    {OK_11 "no colon\r\n\r\n", 0, false, false, NULL, "header"},
    {OK_11 ": nameless\r\n\r\n", 0, false, false, NULL, "header"},
    {OK_11 "x: a\rb\r\n\r\n", 0, false, false, NULL, "header"},
    {OK_11 "x: \x01\r\n\r\n", 0, false, false, NULL, "header"},
    /* ends */
    {"", 0, false, true, NULL, "without an answer"},
    {"HTTP/1.1 2", 0, false, true, NULL, "before the answer was complete"},
    {OK_11, 0, false, true, NULL, "before the answer was complete"},
    {OK_11 "content-length: 3\r\n\r\nok", 0, false, true, NULL, "before the answer was complete"},
    {CHUNKED "2\r\nok\r\n0\r\n", 0, false, true, NULL, "before the answer was complete"},
    {"HTTP/1.1 100 Continue\r\n\r\n", 0, false, true, NULL, "before the answer was complete"},
};

static void
check_answer(const struct answer_case *expected, size_t piece)
{
	struct buf body;
	buf_init(&body, BODY_MAX);
	struct http1 http = parse(expected->text, strlen(expected->text), piece, expected->ends, &body);
	if (http.stage != (expected->status != 0 ? HTTP1_DONE : HTTP1_BAD))
		fail_msg("\"%s\" by %zu: stage %d (%s)", expected->text, piece, (int)http.stage,
		    http.problem != NULL ? http.problem : "");
	if (expected->status != 0) {
		assert_int_equal(http.status, expected->status);
		assert_true(http.keep == expected->keep);
		assert_true(slice_is(buf_slice(&body), expected->body));
	} else if (strstr(http.problem, expected->problem) == NULL) {
		fail_msg("\"%s\": %s, not %s", expected->text, http.problem, expected->problem);
	}
	buf_free(&body);
}

static void
test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		for (size_t piece = 1; piece < 40; piece += piece < 4 ? 1 : 12)
			check_answer(&cases[i], piece);
}

static void
test_bytes_behind_the_answer(void **state)
{
	(void)state;
	static const char text[] = OK_11 "content-length: 2\r\n\r\nokHTTP/1.1";
	struct buf body;
	buf_init(&body, BODY_MAX);
	struct http1 http;
	http1_init(&http);
	http1_begin(&http, &body);
	assert_int_equal(http1_feed(&http, SLICE(OK_11 "content-length: 2\r\n\r\nokHTTP/1.1")), sizeof text - 1 - 8);
	assert_int_equal(http.stage, HTTP1_DONE);
	http1_fini(&http);
	buf_free(&body);
}

/* Of what the buffer holds, no more is read; what fits exactly is whole. */
static void
test_long_bodies(void **state)
{
	(void)state;
	static const char bytes[] = "0123456789abcdef0123456789abcdef!";
	static const struct {
		const char *head, *tail;
		size_t length;
		enum http1_stage stage;
	} bodies[] = {
	    {OK_11 "content-length: 32\r\n\r\n", "", 32, HTTP1_DONE},
	    {OK_11 "content-length: 33\r\n\r\n", "", 33, HTTP1_FULL},
	    {OK_11 "\r\n", "", 32, HTTP1_DONE},
	    {OK_11 "\r\n", "", 33, HTTP1_FULL},
	    {CHUNKED "20\r\n", "\r\n0\r\n\r\n", 32, HTTP1_DONE},
	    {CHUNKED "20\r\n", "\r\n1\r\n!\r\n", 32, HTTP1_FULL},
	    {CHUNKED "21\r\n", "", 33, HTTP1_FULL},
	};
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		for (size_t piece = 1; piece < 200; piece += 99) {
			char text[256];
			struct buf body;
			int length = snprintf(text, sizeof text, "%s%.*s%s", bodies[i].head, (int)bodies[i].length,
			    bytes, bodies[i].tail);
			buf_init(&body, BODY_MAX);
			struct http1 http = parse(text, (size_t)length, piece, true, &body);
			assert_int_equal(http.stage, bodies[i].stage);
			assert_int_equal(body.len, BODY_MAX);
			assert_memory_equal(body.data, bytes, BODY_MAX);
			buf_free(&body);
		}
	}
}

static enum http1_stage
parse_repeated(const char *head, const char *piece, size_t count, const char *tail)
{
	struct buf text, body;
	buf_init(&text, 1 << 20);
	buf_init(&body, 4096);
	buf_text(&text, head);
	for (size_t i = 0; i < count; i++)
		buf_text(&text, piece);
	buf_text(&text, tail);
	struct http1 http = parse(text.data, text.len, 4096, false, &body);
	struct http1 slow = parse(text.data, text.len, 1, false, &body);
	assert_int_equal(http.stage, slow.stage);
	assert_true(http.problem == slow.problem);
	assert_true(http.line.capacity <= HTTP1_LINE_BYTES);
	buf_free(&text);
	buf_free(&body);
	return http.stage;
}

static void
test_limits(void **state)
{
	(void)state;
	static const char end[] = "content-length: 0\r\n\r\n";
	assert_int_equal(parse_repeated(OK_11, "x: y\r\n", HTTP1_HEADERS - 1, end), HTTP1_DONE);
	assert_int_equal(parse_repeated(OK_11, "x: y\r\n", HTTP1_HEADERS, end), HTTP1_BAD);
	assert_int_equal(
	    parse_repeated(OK_11 "x:", "y", HTTP1_LINE_BYTES - 4, "\r\ncontent-length: 0\r\n\r\n"), HTTP1_DONE);
	assert_int_equal(
	    parse_repeated(OK_11 "x:", "y", HTTP1_LINE_BYTES - 3, "\r\ncontent-length: 0\r\n\r\n"), HTTP1_BAD);
	char line[1024 + 1];
	memset(line, 'y', sizeof line - 1);
	memcpy(line, "x:", 2);
	memcpy(line + sizeof line - 3, "\r\n", 3);
	assert_int_equal(parse_repeated(OK_11, line, 63, end), HTTP1_DONE);
	assert_int_equal(parse_repeated(OK_11, line, 64, end), HTTP1_BAD);
	assert_int_equal(parse_repeated(CHUNKED "0\r\n", line, 64, "\r\n"), HTTP1_BAD);
	static const char interim[] = "HTTP/1.1 100 C\r\n\r\n";
	assert_int_equal(parse_repeated("", interim, HTTP1_INTERIM, OK_11 "content-length: 0\r\n\r\n"), HTTP1_DONE);
	assert_int_equal(parse_repeated("", interim, HTTP1_INTERIM + 1, ""), HTTP1_BAD);
	assert_int_equal(parse_repeated(CHUNKED "1;", "x", HTTP1_CHUNK_LINE_BYTES, "\r\n"), HTTP1_BAD);
	/* A client's patience with extensions is that with headers, however small the chunks are. */
	struct buf chunk;
	buf_init(&chunk, 512);
	buf_text(&chunk, "1;");
	for (int i = 0; i < 240; i++)
		buf_byte(&chunk, 'x');
	buf_text(&chunk, "\r\ny\r\n");
	buf_byte(&chunk, '\0');
	assert_int_equal(parse_repeated(CHUNKED, chunk.data, 200, "0\r\n\r\n"), HTTP1_DONE);
	assert_int_equal(parse_repeated(CHUNKED, chunk.data, 300, "0\r\n\r\n"), HTTP1_BAD);
	buf_free(&chunk);
}

static void
test_headers_of_interest(void **state)
{
	(void)state;
	struct buf body;
	buf_init(&body, BODY_MAX);
	static const char text[] = "HTTP/1.1 100 C\r\nretry-after: 1\r\n\r\nHTTP/1.1 429 Slow\r\nRETRY-AFTER:  120 \r\n"
				   "retry-after: 7\r\nkeep-alive: max=9, timeout = 5\r\ncontent-length: 0\r\n\r\n";
	struct http1 http = parse(text, sizeof text - 1, 7, false, &body);
	assert_int_equal(http.status, 429);
	assert_true(slice_is((struct slice){http.retry_after, http.retry_after_bytes}, "120"));
	assert_int_equal(http.keep_for_s, 5);
	buf_free(&body);
}

/* --- Retry-After ---------------------------------------------------------------------------------------- */

/* 1994-11-06T08:49:37Z */
#define NOW ((struct wall_time){INT64_C(784111777) * 1000000})

static void
test_retry_after(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} values[] = {
	    {"120", 120000},
	    {" 120\t", 120000},
	    {"0", 0},
	    {"31622400", INT64_C(31622400000)},
	    {"31622401", 0},
	    {"99999999999999999999999", 0},
	    {"-1", 0},
	    {"1.5", 0},
	    {"", 0},
	    {"soon", 0},
	    {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
	    {"Sun, 06 Nov 1994 08:49:47 GMT", 10000},
	    {"Sunday, 06-Nov-94 08:49:47 GMT", 10000},
	    {"Sun Nov  6 08:49:47 1994", 10000},
	    {"Mon Nov 07 08:49:37 1994", 86400000},
	    {"Sun, 06 Nov 1994 08:49:36 GMT", 0},
	    {"Sat, 31 Dec 1994 23:59:60 GMT", INT64_C(4806623) * 1000},
	    {"Sun, 06 Nov 2094 08:49:37 GMT", 0},
	    {"Sun, 6 Nov 1994 08:49:47 GMT", 0},
	    {"sun, 06 Nov 1994 08:49:47 GMT", 0},
	    {"Sun, 06 nov 1994 08:49:47 GMT", 0},
	    {"Sun, 06 Nov 1994 08:49:47 UTC", 0},
	    {"Sun, 06 Nov 1994 08:49:47", 0},
	    {"Sun, 06 Nov 1994 24:00:00 GMT", 0},
	    {"Sun, 06 Nov 1994 08:60:00 GMT", 0},
	    {"Sun, 31 Nov 1994 08:49:47 GMT", 0},
	    {"Sun, 00 Nov 1994 08:49:47 GMT", 0},
	    {"Sun, 06 Nov 1994 08:49:47 GMT and more", 0},
	    {"Sunday, 06 Nov 1994 08:49:47 GMT", 0},
	};
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		int64_t ms = retry_after_ms(slice_of(values[i].text), NOW);
		if (ms != values[i].ms)
			fail_msg("%s: %lld, not %lld", values[i].text, (long long)ms, (long long)values[i].ms);
	}
}

static void
test_years_of_two_digits(void **state)
{
	(void)state;
	struct wall_time date;
	assert_true(http_date_parse(SLICE("Friday, 06-Nov-44 08:49:37 GMT"), NOW, &date));
	assert_true(date.us > NOW.us); /* 2044 */
	assert_true(http_date_parse(SLICE("Friday, 06-Nov-45 08:49:37 GMT"), NOW, &date));
	assert_true(date.us < 0);				 /* 1945 */
	struct wall_time late = {INT64_C(3944678400) * 1000000}; /* 2095 */
	assert_true(http_date_parse(SLICE("Friday, 06-Nov-01 08:49:37 GMT"), late, &date));
	assert_true(date.us > late.us); /* 2101 */
}

/* --- URLs ----------------------------------------------------------------------------------------------- */

static void
test_urls(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host, *target;
		int port;
		bool tls;
	} urls[] = {
	    {"https://example.com", "example.com", "", 443, true},
	    {"HTTP://Example.COM:8080/a/../b?c=d#e", "Example.COM", "/a/../b?c=d", 8080, false},
	    {"https://example.com:443/", "example.com", "/", 443, true},
	    {"https://example.com:?x", "example.com", "?x", 443, true},
	    {"http://[::1]:9/", "::1", "/", 9, false},
	    {"http://[::1]", "::1", "", 80, false},
	    {"http://0x7f.1/\xc3\xa4", "0x7f.1", "/\xc3\xa4", 80, false},
	};
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		struct url url;
		assert_null(url_split(slice_of(urls[i].text), &url));
		assert_true(slice_is(url.host, urls[i].host));
		assert_true(slice_is(url.target, urls[i].target));
		assert_int_equal(url.port, urls[i].port);
		assert_true(url.tls == urls[i].tls);
	}
	static const char *const bad[] = {"", "https", "https:", "https:/x", "https:///x", "https://", "ftp://a/",
	    "https://a b/", "https://a/b c", "https://a\r\nx: y/", "https://a/\r\nx: y", "https://a/\n",
	    "https://a/\x7f", "https://a:0/", "https://a:65536/", "https://a:80x/", "https://a:-1/", "https://u@a/",
	    "https://u:p@a/", "https://a%2eb/", "https://\xc3\xa4/", "https://[::1", "https://[::1]x/",
	    "https://[fe80::1%25eth0]/", "https://a\\b/", "https://a\\@b/", "https://[g::1]/", "//a/", "https://:80/"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct url url;
		if (url_split(slice_of(bad[i]), &url) == NULL)
			fail_msg("%s passes", bad[i]);
	}
}

static struct authority *
authority_of(struct connections *pool, const char *text, bool exempt)
{
	struct url url;
	assert_null(url_split(slice_of(text), &url));
	struct authority *authority = connections_authority(pool, &url, exempt, 0, NULL);
	connections_release(pool, authority);
	return authority;
}

static void
test_authorities(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host_header, *host;
		bool address;
	} authorities[] = {
	    {"https://Example.com/a", "example.com", "example.com", false},
	    {"https://example.com:443/a", "example.com", "example.com", false},
	    {"https://example.com:80/a", "example.com:80", "example.com", false},
	    {"http://example.com:80/a", "example.com", "example.com", false},
	    {"http://[2001:DB8::1]/", "[2001:db8::1]", "2001:db8::1", true},
	    {"http://[2001:db8::1]:8080/", "[2001:db8::1]:8080", "2001:db8::1", true},
	    {"https://[::ffff:127.0.0.1]:443/", "[::ffff:127.0.0.1]", "::ffff:127.0.0.1", true},
	    {"http://0x7f.1:81/", "0x7f.1:81", "127.0.0.1", true},
	    {"http://2130706433/", "2130706433", "127.0.0.1", true},
	    {"http://127.0.0.1.example/", "127.0.0.1.example", "127.0.0.1.example", false},
	    {"http://[1:2]/", "[1:2]", "1:2", false},
	};
	struct connections pool;
	connections_init(&pool, 16);
	for (size_t i = 0; i < COUNT_OF(authorities); i++) {
		const struct authority *authority = authority_of(&pool, authorities[i].text, false);
		assert_string_equal(authority->host_header, authorities[i].host_header);
		assert_string_equal(authority->host, authorities[i].host);
		assert_true(authority->is_address == authorities[i].address);
		assert_ptr_equal(authority_of(&pool, authorities[i].text, false), authority);
		/* Exempt and guarded requests share nothing. */
		assert_ptr_not_equal(authority_of(&pool, authorities[i].text, true), authority);
	}
	assert_ptr_equal(
	    authority_of(&pool, "https://example.com", false), authority_of(&pool, "https://EXAMPLE.COM:443/b", false));
	assert_ptr_not_equal(
	    authority_of(&pool, "https://example.com", false), authority_of(&pool, "http://example.com:443", false));
	for (int i = 0; i < 3 * CONNECTIONS_REMEMBERED_MAX; i++) {
		char text[64];
		snprintf(text, sizeof text, "https://host-%d.example/", i);
		authority_of(&pool, text, false);
	}
	assert_int_equal(pool.authorities.count, CONNECTIONS_REMEMBERED_MAX);
	connections_fini(&pool);
}

/* --- timers --------------------------------------------------------------------------------------------- */

enum { TIMERS = 500 };

static void
test_timers(void **state)
{
	(void)state;
	struct timers timers = {0};
	static struct timer items[TIMERS];
	uint32_t random = 1;
	assert_null(timers_first(&timers));
	for (int round = 0; round < 20000; round++) {
		random = random * 1664525 + 1013904223;
		struct timer *timer = &items[(random >> 8) % TIMERS];
		if ((random >> 28) < 5)
			timers_clear(&timers, timer);
		else
			timers_set(&timers, timer, (int64_t)(random >> 4 & 0xfff));
		size_t set = 0;
		int64_t least = INT64_MAX;
		for (size_t i = 0; round % 50 == 0 && i < TIMERS; i++) {
			set += items[i].place != 0;
			if (items[i].place != 0 && items[i].due_us < least)
				least = items[i].due_us;
		}
		if (round % 50 == 0) {
			assert_int_equal(set, timers.count);
			assert_true(set == 0 || timers_first(&timers)->due_us == least);
		}
	}
	int64_t last = INT64_MIN;
	while (timers.count > 0) {
		struct timer *first = timers_first(&timers);
		assert_true(first->due_us >= last);
		last = first->due_us;
		timers_clear(&timers, first);
	}
	timers_fini(&timers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_bytes_behind_the_answer),
	    cmocka_unit_test(test_long_bodies),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_headers_of_interest),
	    cmocka_unit_test(test_retry_after),
	    cmocka_unit_test(test_years_of_two_digits),
	    cmocka_unit_test(test_urls),
	    cmocka_unit_test(test_authorities),
	    cmocka_unit_test(test_timers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
