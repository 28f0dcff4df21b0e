/* The HTTP server over real sockets: limits of time, clients that leave, answers that do not fit, one request behind another.
 * The test is the loop's turn, so it owns the order of things; it waits for conditions and never for a time. */
#include "base/limits.h"
#include "server/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { BODY_MAX = 1 << 20, LARGE = 24 << 20, HELD_MAX = 8, PATIENCE_US = 20000000 };

struct world {
	struct loop *loop;
	struct http_server *server;
	int client;
	struct buf received;
	bool ended;   /* the client has read the end */
	bool reading; /* the client reads */
	bool (*done)(struct world *world);
	struct mono_time begun;
	size_t turns, turns_wanted;
	size_t handed, gone;
	size_t body_bytes;		      /* of the last request */
	struct http_exchange *held[HELD_MAX]; /* not answered yet */
	size_t held_count;
	char *large;
};

static void
on_request(void *context, struct http_exchange *exchange)
{
	struct world *world = context;
	world->handed++;
	world->body_bytes = exchange->body.len;
	if (slice_is(exchange->path, "/held"))
		world->held[world->held_count++] = exchange;
	else if (slice_is(exchange->path, "/large"))
		http_reply(exchange, 200, (struct slice){world->large, LARGE}, NULL);
	else
		http_reply(exchange, 200, exchange->path, NULL);
}

static void
on_gone(void *context, struct http_exchange *exchange)
{
	struct world *world = context;
	for (size_t i = 0; i < world->held_count; i++)
		if (world->held[i] == exchange) {
			world->held[i] = world->held[--world->held_count];
			world->gone++;
			return;
		}
	fail_msg("an exchange that nobody holds is gone");
}

static void
on_mail(void *context, struct mail_list mail)
{
	(void)context, (void)mail;
}

static void
client_read(struct world *world)
{
	while (world->reading && !world->ended) {
		char bytes[65536];
		ssize_t got = recv(world->client, bytes, sizeof bytes, MSG_DONTWAIT);
		if (got < 0 && errno == EAGAIN)
			return;
		world->ended = got <= 0;
		if (got > 0)
			buf_append(&world->received, (struct slice){bytes, (size_t)got});
	}
}

static int64_t
on_turn(void *context)
{
	struct world *world = context;
	int64_t wait = http_server_turn(world->server);
	client_read(world);
	world->turns++;
	if (world->done(world)) {
		loop_stop(world->loop);
		return 0;
	}
	if (clock_mono().us - world->begun.us > PATIENCE_US)
		fail_msg("nothing came of it; so far %.*s",
		    (int)(world->received.len < 200 ? world->received.len : 200),
		    world->received.data == NULL ? "" : world->received.data);
	return wait < 0 || wait > 1000 ? 1000 : wait;
}

static void
run_until(struct world *world, bool (*done)(struct world *world))
{
	world->done = done;
	world->begun = clock_mono();
	loop_run(world->loop);
}

static bool
is_turned(struct world *world)
{
	return world->turns >= world->turns_wanted;
}

/* So many turns of the loop, each behind what was ready. */
static void
run_turns(struct world *world, size_t turns)
{
	world->turns_wanted = world->turns + turns;
	run_until(world, is_turned);
}

static int
connect_to(int port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	return fd;
}

static void
world_init(struct world *world, struct http_options options)
{
	static const struct log silent = {.level = LOG_ERROR, .fd = -1};
	struct error error = ERROR_NONE;
	*world = (struct world){.reading = true};
	buf_init(&world->received, 2 * LARGE);
	world->loop = loop_new(&(struct loop_handlers){.mail = on_mail, .turn = on_turn}, world);
	options.loop = world->loop;
	options.host = "127.0.0.1";
	options.port = "0";
	options.body_max = BODY_MAX;
	options.handlers = (struct http_handlers){.request = on_request, .gone = on_gone};
	options.context = world;
	options.log = &silent;
	assert_int_equal(http_server_new(&options, &world->server, &error), OK);
	world->client = connect_to(http_server_port(world->server));
}

static void
world_fini(struct world *world)
{
	close(world->client);
	http_server_free(world->server);
	loop_free(world->loop);
	buf_free(&world->received);
	free(world->large);
}

static void
say(struct world *world, const char *text)
{
	assert_int_equal(send(world->client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static bool
has(struct world *world, const char *text)
{
	return memmem(world->received.data, world->received.len, text, strlen(text)) != NULL;
}

static bool
is_ended(struct world *world)
{
	return world->ended;
}

static bool
is_held(struct world *world)
{
	return world->held_count > 0;
}

static bool
is_gone(struct world *world)
{
	return world->gone > 0;
}

static bool
is_answered(struct world *world)
{
	return has(world, "\r\n\r\n/");
}

static bool
is_continued(struct world *world)
{
	return has(world, "100 Continue\r\n\r\n");
}

#define GET(path) "GET " path " HTTP/1.1\r\nhost: x\r\n\r\n"

static void
test_end_that_comes_with_the_request(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, (struct http_options){.idle_ms = 60000});
	say(&world, GET("/a"));
	assert_int_equal(shutdown(world.client, SHUT_WR), 0);
	run_until(&world, is_ended);
	assert_true(is_answered(&world));
	world_fini(&world);
}

/* One that sends no more waits for its answer; one that is not there any more is gone. */
static void
test_leaving_while_the_answer_is_under_way(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, (struct http_options){.idle_ms = 60000});
	say(&world, GET("/held") "GET /b");
	run_until(&world, is_held);
	assert_int_equal(shutdown(world.client, SHUT_WR), 0);
	http_reply(world.held[0], 200, SLICE("/late"), NULL);
	world.held_count = 0;
	run_until(&world, is_ended);
	assert_true(has(&world, "/late"));
	assert_int_equal(world.handed, 1);

	close(world.client);
	world.client = connect_to(http_server_port(world.server));
	say(&world, GET("/held"));
	run_until(&world, is_held);
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	assert_int_equal(setsockopt(world.client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
	close(world.client);
	world.reading = false;
	run_until(&world, is_gone);
	assert_int_equal(world.held_count, 0);
	world.client = -1;
	world_fini(&world);
}

/* Nothing comes any more to wake the connection: what lies in its memory is turned to all the same. */
static void
test_request_behind_a_late_answer(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, (struct http_options){.idle_ms = 60000});
	say(&world, GET("/held") GET("/b"));
	run_until(&world, is_held);
	run_turns(&world, 3);
	assert_int_equal(world.handed, 1);
	http_reply(world.held[0], 204, SLICE(""), NULL);
	world.held_count = 0;
	run_until(&world, is_answered);
	assert_true(has(&world, "HTTP/1.1 204 No Content") && has(&world, "\r\n\r\n/b"));
	world_fini(&world);
}

static bool
is_handed(struct world *world)
{
	return world->handed > 0;
}

/* What the socket does not take waits, whole and in order, and what was asked behind it is answered after it. */
static void
test_answer_that_does_not_fit(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, (struct http_options){.idle_ms = 60000});
	world.large = mem_alloc(LARGE);
	for (size_t i = 0; i < LARGE; i++)
		world.large[i] = (char)('a' + i % 23);
	world.reading = false;
	say(&world, GET("/large") GET("/after") "GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
	run_until(&world, is_handed);
	assert_int_equal(world.handed, 1);
	world.reading = true;
	run_until(&world, is_ended);
	assert_int_equal(world.handed, 3);
	const char *large = memmem(world.received.data, world.received.len, "\r\n\r\n", 4);
	assert_non_null(large);
	assert_memory_equal(large + 4, world.large, LARGE);
	const char *after = memmem(large, 4 + LARGE + 1000, "/after", 6);
	assert_non_null(after);
	assert_true(after > large + LARGE && has(&world, "/last"));
	world_fini(&world);
}

/* Whoever does not take its answer is not waited for. */
static void
test_client_that_does_not_read(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, (struct http_options){.idle_ms = 50});
	world.large = mem_zero(1, LARGE);
	world.reading = false;
	say(&world, GET("/large"));
	run_until(&world, is_handed);
	struct mono_time begun = clock_mono();
	while (clock_mono().us - begun.us < 50000)
		(void)http_server_turn(world.server);
	world.reading = true;
	run_until(&world, is_ended);
	assert_true(world.received.len < LARGE);
	world_fini(&world);
}

static void
test_slow_requests_and_silence(void **state)
{
	(void)state;
	static const char *const beginnings[] = {"G", "GET / HTTP/1.1\r\nhost: x\r\n",
	    "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nabc",
	    "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab"};
	for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
		struct world world;
		world_init(&world, (struct http_options){.idle_ms = 50});
		say(&world, beginnings[i]);
		run_until(&world, is_ended);
		assert_true(has(&world, "HTTP/1.1 408 "));
		assert_true(has(&world, "{\"code\":\"request_timeout\","));
		assert_int_equal(world.handed, 0);
		world_fini(&world);
	}
	/* Between two requests nobody is told anything. */
	struct world world;
	world_init(&world, (struct http_options){.idle_ms = 50});
	say(&world, GET("/a"));
	run_until(&world, is_ended);
	assert_true(is_answered(&world) && !has(&world, "408"));
	world_fini(&world);
}

static void
test_expectation(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, (struct http_options){.idle_ms = 60000});
	say(&world, "POST /a HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
	run_until(&world, is_continued);
	assert_int_equal(world.handed, 0);
	say(&world, "abc");
	run_until(&world, is_answered);
	assert_int_equal(world.body_bytes, 3);
	/* What is too large is not asked for. */
	say(&world, "POST /b HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1048577\r\n\r\n");
	buf_clear(&world.received);
	run_until(&world, is_ended);
	assert_true(has(&world, "HTTP/1.1 413 ") && !has(&world, "100 Continue"));
	world_fini(&world);
}

/* Bodies of all the sizes at which something changes: behind the head, in memory of their own, as large as may be. */
static void
test_bodies(void **state)
{
	(void)state;
	static const size_t sizes[] = {
	    1, 2047, 2048, 2049, 8191, 8192, 10239, 10240, 10241, 16384, 16385, 100000, BODY_MAX};
	struct world world;
	world_init(&world, (struct http_options){.idle_ms = 60000});
	char *body = mem_zero(1, BODY_MAX);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		char head[200];
		/* The head as small as can be, and as large. */
		for (int large = 0; large < 2; large++) {
			snprintf(head, sizeof head,
			    "POST /%zu-%d HTTP/1.1\r\nhost: x\r\ncontent-length: %zu\r\nx: ", sizes[i], large,
			    sizes[i]);
			struct buf request;
			buf_init(&request, 2 << 20);
			buf_text(&request, head);
			while (large != 0 && request.len < LIMIT_HEADER_BYTES - 4)
				buf_byte(&request, 'y');
			buf_text(&request, "\r\n\r\n");
			buf_append(&request, (struct slice){body, sizes[i]});
			world.body_bytes = 0;
			buf_clear(&world.received);
			for (size_t sent = 0; sent < request.len;) {
				ssize_t count =
				    send(world.client, request.data + sent, request.len - sent, MSG_DONTWAIT);
				sent += count > 0 ? (size_t)count : 0;
				if (sent < request.len)
					run_turns(&world, 2);
			}
			run_until(&world, is_answered);
			assert_int_equal(world.body_bytes, sizes[i]);
			buf_free(&request);
		}
	}
	free(body);
	world_fini(&world);
}

/* Those beyond the limit wait in the kernel until somebody goes. */
static void
test_connection_limit(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, (struct http_options){.idle_ms = 60000, .connections_max = 1});
	say(&world, GET("/a"));
	run_until(&world, is_answered);
	int first = world.client;
	world.client = connect_to(http_server_port(world.server));
	buf_clear(&world.received);
	say(&world, GET("/b"));
	run_turns(&world, 20);
	assert_int_equal(world.handed, 1);
	close(first);
	run_until(&world, is_answered);
	assert_int_equal(world.handed, 2);
	world_fini(&world);
}

static bool
is_unavailable(struct world *world)
{
	return has(world, "{\"code\":\"unavailable\",");
}

static void
test_refusing_and_ending(void **state)
{
	(void)state;
	struct world world;
	world_init(&world, (struct http_options){.idle_ms = 60000});
	say(&world, GET("/held"));
	run_until(&world, is_held);
	int other = connect_to(http_server_port(world.server));
	http_server_refuse(world.server);
	int client = world.client;
	world.client = other;
	say(&world, GET("/b"));
	run_until(&world, is_unavailable);
	assert_true(has(&world, "HTTP/1.1 503 "));
	assert_int_equal(world.handed, 1);
	http_server_free(world.server);
	assert_int_equal(world.gone, 1);
	buf_clear(&world.received);
	world.client = client;
	world.ended = false;
	client_read(&world);
	assert_true(has(&world, "HTTP/1.1 503 ") && has(&world, "connection: close"));
	close(other);
	world.server = NULL;
	world_fini(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_end_that_comes_with_the_request),
	    cmocka_unit_test(test_leaving_while_the_answer_is_under_way),
	    cmocka_unit_test(test_request_behind_a_late_answer),
	    cmocka_unit_test(test_answer_that_does_not_fit),
	    cmocka_unit_test(test_client_that_does_not_read),
	    cmocka_unit_test(test_slow_requests_and_silence),
	    cmocka_unit_test(test_expectation),
	    cmocka_unit_test(test_bodies),
	    cmocka_unit_test(test_connection_limit),
	    cmocka_unit_test(test_refusing_and_ending),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
