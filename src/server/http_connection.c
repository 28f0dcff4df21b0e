/* A connection's life: see http_private.h. */
#include "server/http_private.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum step { STEP_ON, STEP_WAIT, STEP_END };

static const char stopping_text[] = "{\"code\":\"unavailable\",\"detail\":\"The server is stopping.\"}";
static const struct slice stopping_body = {stopping_text, sizeof stopping_text - 1};

/* --- rings and states ----------------------------------------------------------------------------------- */

void
http_link_init(struct http_link *link)
{
	link->previous = link->next = link;
}

void
http_link_remove(struct http_link *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
	http_link_init(link);
}

void
http_link_append(struct http_link *ring, struct http_link *link)
{
	link->previous = ring->previous;
	link->next = ring;
	ring->previous->next = link;
	ring->previous = link;
}

static enum http_queue
queue_of(enum http_state state)
{
	switch (state) {
	case SHAKING: return QUEUE_SHAKING;
	case IDLE:
	case RECEIVING: return QUEUE_RECEIVING;
	case SENDING: return QUEUE_SENDING;
	case DRAINING: return QUEUE_DRAINING;
	case HANDLING:
	case SUSPENDED:
	case ANSWERED: return QUEUE_UNTIMED;
	}
	UNREACHABLE();
}

void
http_enter(struct http_connection *connection, enum http_state state)
{
	connection->state = state;
	connection->since = connection->server->now;
	http_link_remove(&connection->queue);
	http_link_append(&connection->server->queues[queue_of(state)], &connection->queue);
}

void
http_again(struct http_connection *connection)
{
	http_link_remove(&connection->again);
	http_link_append(&connection->server->again, &connection->again);
}

/* --- beginning and end --------------------------------------------------------------------------------- */

static void
on_ready(struct loop_source *source, uint32_t events)
{
	struct http_connection *connection = CONTAINER_OF(source, struct http_connection, source);
	stream_ready(&connection->stream, events);
	connection->server->now = clock_mono();
	/* Both directions are closed: nobody is left to answer. One that only sends no more still gets its answer. */
	if (connection->state == SUSPENDED && (events & (EPOLLERR | EPOLLHUP)) != 0)
		http_connection_free(connection);
	else
		http_advance(connection);
}

static void
begin_request(struct http_connection *connection)
{
	http_request_begin(&connection->request, connection->server->options.body_max);
	connection->exchange = (struct http_exchange){
	    .peer = &connection->peer.any, .state = connection, .arena = connection->exchange.arena};
	connection->head_bytes = connection->begin = 0;
}

void
http_connection_new(struct http_server *server, int fd, const struct sockaddr *peer, socklen_t bytes)
{
	/* All but the bytes that are read into: clearing these would be most of the work. */
	struct http_connection *connection = mem_alloc(sizeof *connection);
	memset(connection, 0, offsetof(struct http_connection, input));
	connection->server = server;
	ENSURE(bytes <= sizeof connection->peer);
	memcpy(&connection->peer, peer, bytes);
	connection->stream.fd = fd;
	http_link_init(&connection->queue);
	http_link_init(&connection->again);
	begin_request(connection);
	server->count++;
	http_enter(connection, server->options.tls != NULL ? SHAKING : IDLE);
	connection->source =
	    (struct loop_source){.fd = fd, .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .ready = on_ready};
	loop_add(server->options.loop, &connection->source);
	if (server->options.tls != NULL && !http_tls_start(server->options.tls, server->method, &connection->stream))
		http_connection_free(connection);
}

void
http_connection_free(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	if (connection->state == SUSPENDED)
		server->options.handlers.gone(server->options.context, &connection->exchange);
	http_link_remove(&connection->queue);
	http_link_remove(&connection->again);
	loop_remove(server->options.loop, &connection->source);
	stream_close(&connection->stream);
	http_body_free(connection);
	free(connection->rest);
	arena_free(&connection->exchange.arena);
	arena_free(&connection->arena);
	server->count--;
	free(connection);
}

/* --- what it does -------------------------------------------------------------------------------------- */

static enum step
shake(struct http_connection *connection)
{
	long result = http_tls_shake(&connection->stream);
	if (result == STREAM_WAIT)
		return STEP_WAIT;
	if (result < 0)
		return STEP_END;
	http_enter(connection, IDLE);
	return STEP_ON;
}

static void
hand_over(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	const struct http_request *request = &connection->request;
	struct http_exchange *exchange = &connection->exchange;
	exchange->method = request->method;
	exchange->path = request->path;
	exchange->query = request->query;
	exchange->headers = request->headers;
	http_enter(connection, HANDLING);
	if (server->stopping)
		http_reply(exchange, 503, stopping_body, NULL);
	else
		server->options.handlers.request(server->options.context, exchange);
	if (connection->state == HANDLING)
		http_enter(connection, SUSPENDED);
}

/* What has come may be a request, or none, or the beginning of one. */
static enum step
judge(struct http_connection *connection)
{
	struct http_request *request = &connection->request;
	if (request->stage == HTTP_WHOLE)
		hand_over(connection);
	else if (request->stage == HTTP_REFUSED)
		http_send_refusal(connection);
	else if (request->expects && request->body_bytes == 0 && connection->begin == connection->end &&
		 request->stage > HTTP_FIELDS)
		return http_send_continue(connection) ? STEP_ON : STEP_END;
	return STEP_ON;
}

static enum step
receive(struct http_connection *connection)
{
	bool more;
	if (stream_empty(&connection->stream))
		return STEP_WAIT;
	if (!http_receive(connection, &more))
		return STEP_END;
	return more ? judge(connection) : STEP_WAIT;
}

/* Closing on unread bytes would reset the connection and could take the answer with it, so what still comes is read and
 * dropped for a short while (RFC 9112 section 9.6). */
static enum step
begin_drain(struct http_connection *connection)
{
	if (!stream_shut(&connection->stream))
		return STEP_END;
	http_enter(connection, DRAINING);
	return STEP_ON;
}

static enum step
drain(struct http_connection *connection)
{
	long count = stream_drop(&connection->stream, connection->input, INPUT_BYTES);
	if (count == STREAM_WAIT)
		return STEP_WAIT;
	connection->drained_bytes += count > 0 ? (size_t)count : 0;
	return count < 0 || connection->drained_bytes > DRAIN_BYTES_MAX ? STEP_END : STEP_ON;
}

/* The answer is out: the next request, which may have come with the one before it. */
static enum step
turn_over(struct http_connection *connection)
{
	if (connection->broken)
		return STEP_END;
	arena_reset(&connection->exchange.arena);
	http_body_free(connection);
	if (connection->last)
		return begin_drain(connection);
	connection->end -= connection->begin;
	memmove(connection->input, connection->input + connection->begin, connection->end);
	begin_request(connection);
	http_enter(connection, connection->end > 0 ? RECEIVING : IDLE);
	if (connection->end == 0)
		return STEP_ON;
	http_take_input(connection);
	return judge(connection);
}

void
http_advance(struct http_connection *connection)
{
	enum step step = STEP_ON;
	for (int steps = 0; step == STEP_ON && steps < STEPS_MAX; steps++) {
		switch (connection->state) {
		case SHAKING: step = shake(connection); break;
		case IDLE:
		case RECEIVING: step = receive(connection); break;
		case SENDING:
			http_send_on(connection);
			step = connection->state == SENDING ? STEP_WAIT : STEP_ON;
			break;
		case ANSWERED: step = turn_over(connection); break;
		case DRAINING: step = drain(connection); break;
		case HANDLING:
		case SUSPENDED: step = STEP_WAIT; break;
		}
	}
	if (step == STEP_END)
		http_connection_free(connection);
	else if (step == STEP_ON)
		http_again(connection);
}

void
http_expire(struct http_connection *connection)
{
	if (connection->state != RECEIVING) {
		http_connection_free(connection);
		return;
	}
	http_request_refuse(
	    &connection->request, 408, "request_timeout", "The request took longer than this server waits for one.");
	http_send_refusal(connection);
	http_advance(connection);
}

void
http_abandon(struct http_connection *connection)
{
	struct http_server *server = connection->server;
	if (connection->state == SUSPENDED) {
		server->options.handlers.gone(server->options.context, &connection->exchange);
		http_send(connection, 503, stopping_body, NULL);
	}
	http_connection_free(connection);
}
