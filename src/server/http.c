/* The server: its listening socket, its turn, its answers. What a connection does is in http_connection.c. */
#include "base/alloc.h"
#include "server/http_private.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 64, PAUSE_US = 100000, COMPLAINT_US = 10000000 };

/* --- accepting ------------------------------------------------------------------------------------------ */

/* Nothing is accepted for a while; the kernel keeps who is waiting. */
static void
pause_accepting(struct http_server *server, int reason)
{
	server->pause.us = server->now.us + PAUSE_US;
	loop_change(server->options.loop, &server->source, 0);
	if (server->complained.us != 0 && server->now.us - server->complained.us < COMPLAINT_US)
		return;
	server->complained = server->now;
	log_write(server->options.log, LOG_WARN, "connections are not accepted for a moment", "error",
	    strerrordesc_np(reason), NULL);
}

/* False: there is no more to accept now. */
static bool
accept_one(struct http_server *server)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} peer = {0};
	socklen_t bytes = sizeof peer;
	int fd = accept4(server->source.fd, &peer.any, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		http_connection_new(server, fd, &peer.any, bytes);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		pause_accepting(server, errno);
	/* Another error is that of the one connection, which went before it was taken. */
	return errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
}

static void
on_waiting(struct loop_source *source, uint32_t events)
{
	(void)events;
	struct http_server *server = CONTAINER_OF(source, struct http_server, source);
	server->now = clock_mono();
	for (int i = 0; i < ACCEPTS_PER_TURN && server->count < server->options.connections_max && accept_one(server);)
		i++;
	if (server->count >= server->options.connections_max)
		loop_change(server->options.loop, &server->source, 0);
}

/* Returns how long until it is to be looked at again; -1: when something happens. */
static int64_t
resume_accepting(struct http_server *server)
{
	if (server->quiesced || server->source.events != 0 || server->count >= server->options.connections_max)
		return -1;
	int64_t left = server->pause.us - server->now.us;
	if (left > 0)
		return left;
	loop_change(server->options.loop, &server->source, EPOLLIN);
	return -1;
}

/* --- the server ----------------------------------------------------------------------------------------- */

enum error_code
http_server_new(const struct http_options *options, struct http_server **out, struct error *error)
{
	int fd = -1;
	enum error_code code = http_listen(options->host, options->port, &fd, error);
	if (code != OK)
		return code;
	struct http_server *server = mem_zero(1, sizeof *server);
	server->options = *options;
	if (options->idle_ms == 0)
		server->options.idle_ms = LIMIT_CONNECTION_IDLE_S * INT64_C(1000);
	if (options->handshake_ms == 0)
		server->options.handshake_ms = LIMIT_HANDSHAKE_S * INT64_C(1000);
	if (options->connections_max == 0)
		server->options.connections_max = LIMIT_CONNECTIONS;
	server->port = http_port_of(fd);
	server->now = clock_mono();
	server->date_s = -1;
	buf_init(&server->scratch, HTTP_ANSWER_HEAD_BYTES + JOINED_BYTES);
	http_link_init(&server->again);
	for (size_t i = 0; i < QUEUE_COUNT; i++)
		http_link_init(&server->queues[i]);
	if (options->tls != NULL)
		server->method = stream_method_new();
	server->source = (struct loop_source){.fd = fd, .events = EPOLLIN, .ready = on_waiting};
	loop_add(options->loop, &server->source);
	*out = server;
	return OK;
}

int
http_server_port(const struct http_server *server)
{
	return server->port;
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

/* Ends what has taken too long. Returns how long until the next one has; -1: there is none. */
static int64_t
sweep(struct http_server *server)
{
	const int64_t limits_us[] = {
	    [QUEUE_SHAKING] = server->options.handshake_ms * 1000,
	    [QUEUE_RECEIVING] = server->options.idle_ms * 1000,
	    [QUEUE_SENDING] = server->options.idle_ms * 1000,
	    [QUEUE_DRAINING] = DRAIN_US,
	};
	int64_t wait = -1;
	for (size_t i = 0; i < QUEUE_UNTIMED; i++) {
		struct http_link *ring = &server->queues[i];
		while (ring->next != ring) {
			struct http_connection *first = CONTAINER_OF(ring->next, struct http_connection, queue);
			int64_t left = first->since.us + limits_us[i] - server->now.us;
			if (left > 0) {
				wait = sooner(wait, left);
				break;
			}
			http_expire(first);
		}
	}
	return wait;
}

int64_t
http_server_turn(struct http_server *server)
{
	server->now = clock_mono();
	/* Those that come up again meanwhile have their turn in the next one. */
	struct http_link round;
	http_link_init(&round);
	if (server->again.next != &server->again) {
		http_link_append(&server->again, &round);
		http_link_remove(&server->again);
	}
	while (round.next != &round) {
		struct http_connection *connection = CONTAINER_OF(round.next, struct http_connection, again);
		http_link_remove(&connection->again);
		http_advance(connection);
	}
	int64_t wait = sooner(sweep(server), resume_accepting(server));
	return server->again.next != &server->again ? 0 : wait;
}

void
http_server_quiesce(struct http_server *server)
{
	if (server->quiesced)
		return;
	server->quiesced = true;
	loop_remove(server->options.loop, &server->source);
	close(server->source.fd);
}

void
http_server_refuse(struct http_server *server)
{
	server->stopping = true;
}

/* What has come by now and was not seen yet is answered all the same, without being handed over. */
static void
look_once_more(struct http_server *server)
{
	struct http_link *ring = &server->queues[QUEUE_RECEIVING];
	for (struct http_link *link = ring->next, *next; link != ring; link = next) {
		struct http_connection *connection = CONTAINER_OF(link, struct http_connection, queue);
		next = link->next;
		stream_ready(&connection->stream, EPOLLIN);
		http_advance(connection);
	}
}

void
http_server_free(struct http_server *server)
{
	if (server == NULL)
		return;
	http_server_quiesce(server);
	server->stopping = true;
	look_once_more(server);
	for (size_t i = 0; i < QUEUE_COUNT; i++) {
		struct http_link *ring = &server->queues[i];
		while (ring->next != ring) {
			struct http_connection *connection = CONTAINER_OF(ring->next, struct http_connection, queue);
			http_abandon(connection);
		}
	}
	BIO_meth_free(server->method);
	buf_free(&server->scratch);
	free(server);
}

/* --- for handlers --------------------------------------------------------------------------------------- */

void
http_reply(struct http_exchange *exchange, int status, struct slice body, const struct http_headers *headers)
{
	struct http_connection *connection = exchange->state;
	ENSURE(connection->state == HANDLING || connection->state == SUSPENDED);
	bool later = connection->state == SUSPENDED;
	connection->server->now = clock_mono();
	http_send(connection, status, body, headers);
	/* The caller may still use the exchange: what follows is done in the turn. */
	if (later && connection->state == ANSWERED)
		http_again(connection);
}

const struct http_certificate *
http_client_certificate(struct http_exchange *exchange)
{
	struct http_connection *connection = exchange->state;
	struct http_tls *tls = connection->server->options.tls;
	if (tls == NULL)
		return NULL;
	/* It does not change as long as the connection lasts, and checking it costs as much as a request. */
	if (connection->certificate == NULL) {
		connection->certificate = arena_alloc(&connection->arena, sizeof *connection->certificate);
		http_tls_client(tls, &connection->stream, &connection->arena, connection->certificate);
	}
	return connection->certificate;
}

struct slice
http_header(const struct http_exchange *exchange, const char *name)
{
	struct slice wanted = slice_of(name);
	for (size_t i = 0; i < exchange->headers.count; i++)
		if (slice_equal_nocase(exchange->headers.items[i].name, wanted))
			return exchange->headers.items[i].value;
	return SLICE_NONE;
}
