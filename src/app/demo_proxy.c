#include "app/demo_proxy.h"

#include "server/http.h"
#include "transport/transport.h"

#include <pthread.h>
#include <stdlib.h>

enum { PASS_TIMEOUT_MS = 5000, CONNECTIONS = 64 };

/* One request that was passed on. */
struct passage {
	struct transmission transmission;
	struct http_exchange *exchange; /* NULL: its client has gone */
	bool lose_answer;
	struct passage *next, *previous;
};

struct demo_proxy {
	struct loop *loop;
	struct http_server *http;
	struct transport *transport;
	struct guard guard;
	char *target;
	struct passage *passages;
	uint64_t requests;
	bool busy; /* this turn has begun something that the other side must be given a turn for */
	atomic_bool failing;
	pthread_t thread;
	struct mail stop;
};

static void
answer(struct http_exchange *exchange, int status)
{
	struct http_headers none = {NULL, 0};
	http_reply(exchange, status, SLICE("{}"), &none);
}

static void
passage_free(struct demo_proxy *proxy, struct passage *passage)
{
	if (passage->previous == NULL)
		proxy->passages = passage->next;
	else
		passage->previous->next = passage->next;
	if (passage->next != NULL)
		passage->next->previous = passage->previous;
	arena_free(&passage->transmission.arena);
	free(passage);
}

static void
pass_on(struct demo_proxy *proxy, struct http_exchange *exchange, bool lose_answer)
{
	struct passage *passage = mem_zero(1, sizeof *passage);
	passage->exchange = exchange;
	passage->lose_answer = lose_answer;
	passage->next = proxy->passages;
	if (proxy->passages != NULL)
		proxy->passages->previous = passage;
	proxy->passages = passage;
	struct transmission *out = &passage->transmission;
	out->owner = passage;
	out->url = slice_of(proxy->target);
	out->timeout_ms = PASS_TIMEOUT_MS;
	out->body = arena_copy(&out->arena, exchange->body);
	out->headers.items = arena_alloc(&out->arena, exchange->headers.count * sizeof out->headers.items[0]);
	for (size_t i = 0; i < exchange->headers.count; i++) {
		struct http_header header = exchange->headers.items[i];
		if (slice_equal_nocase(header.name, SLICE("host")) ||
		    slice_equal_nocase(header.name, SLICE("content-length")))
			continue;
		out->headers.items[out->headers.count++] =
		    (struct http_header){arena_copy(&out->arena, header.name), arena_copy(&out->arena, header.value)};
	}
	exchange->owner = passage;
	proxy->busy = true;
	transport_send(proxy->transport, out);
}

static void
on_request(void *context, struct http_exchange *exchange)
{
	struct demo_proxy *proxy = context;
	bool failing = atomic_load(&proxy->failing);
	if (failing && proxy->requests++ % 2 == 0)
		answer(exchange, 503);
	else
		pass_on(proxy, exchange, failing);
}

static void
on_gone(void *context, struct http_exchange *exchange)
{
	(void)context;
	struct passage *passage = exchange->owner;
	if (passage != NULL)
		passage->exchange = NULL;
}

static void
on_done(void *context, struct transmission *transmission)
{
	struct demo_proxy *proxy = context;
	struct passage *passage = transmission->owner;
	proxy->busy = true;
	bool good = transmission->outcome == TRANSMISSION_ANSWERED && !passage->lose_answer;
	if (passage->exchange != NULL) {
		passage->exchange->owner = NULL;
		answer(passage->exchange, good ? transmission->status_code : 503);
	}
	passage_free(proxy, passage);
}

static void
on_mail(void *context, struct mail_list mail)
{
	struct demo_proxy *proxy = context;
	if (mail.first != NULL)
		loop_stop(proxy->loop);
}

/* A request that came is passed on, and an answer that came back is sent, in the same turn: the loop sleeps only when
 * neither side has given the other anything more to do. */
static int64_t
on_turn(void *context)
{
	struct demo_proxy *proxy = context;
	int64_t in = -1, out = -1;
	do {
		proxy->busy = false;
		in = http_server_turn(proxy->http);
		out = transport_turn(proxy->transport);
	} while (proxy->busy);
	return out < 0 || (in >= 0 && in < out) ? in : out;
}

static void *
run(void *argument)
{
	struct demo_proxy *proxy = argument;
	pthread_setname_np(pthread_self(), "demo-proxy");
	loop_run(proxy->loop);
	return NULL;
}

static void
free_all(struct demo_proxy *proxy)
{
	if (proxy->http != NULL)
		http_server_free(proxy->http);
	if (proxy->transport != NULL)
		transport_free(proxy->transport);
	while (proxy->passages != NULL)
		passage_free(proxy, proxy->passages);
	loop_free(proxy->loop);
	free(proxy->target);
	free(proxy);
}

enum error_code
demo_proxy_start(const char *target, const struct log *log, struct demo_proxy **out, struct error *error)
{
	struct demo_proxy *proxy = mem_zero(1, sizeof *proxy);
	proxy->target = mem_string(slice_of(target));
	proxy->loop = loop_new(&(struct loop_handlers){.mail = on_mail, .turn = on_turn}, proxy);
	enum error_code code = guard_parse(SLICE("127.0.0.0/8"), &proxy->guard, error);
	if (code == OK)
		code = transport_new(
		    &(struct transport_options){
			.loop = proxy->loop,
			.guard = &proxy->guard,
			.allow_http = true,
			.connections_max = CONNECTIONS,
			.done = on_done,
			.context = proxy,
			.log = log,
		    },
		    &proxy->transport, error);
	if (code == OK)
		code = http_server_new(
		    &(struct http_options){
			.loop = proxy->loop,
			.host = "127.0.0.1",
			.port = "0",
			.body_max = LIMIT_BODY_BYTES,
			.handlers = {.request = on_request, .gone = on_gone},
			.context = proxy,
			.log = log,
		    },
		    &proxy->http, error);
	if (code != OK) {
		free_all(proxy);
		return code;
	}
	ENSURE(pthread_create(&proxy->thread, NULL, run, proxy) == 0);
	*out = proxy;
	return OK;
}

int
demo_proxy_port(const struct demo_proxy *proxy)
{
	return http_server_port(proxy->http);
}

void
demo_proxy_fail(struct demo_proxy *proxy, bool failing)
{
	atomic_store(&proxy->failing, failing);
}

void
demo_proxy_stop(struct demo_proxy *proxy)
{
	mailbox_post(loop_mailbox(proxy->loop), &proxy->stop);
	ENSURE(pthread_join(proxy->thread, NULL) == 0);
	free_all(proxy);
}
