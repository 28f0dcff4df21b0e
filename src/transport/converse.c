#include "transport/client.h"

#include <stdio.h>
#include <sys/epoll.h>

static void
answered(struct client *client, struct connection *connection, bool keep)
{
	struct exchange *exchange = connection->exchange;
	const struct http1 *http = &exchange->http;
	timers_clear(&client->timers, &exchange->timer);
	/* A second less than the peer promises: it may count from earlier than we do. */
	int64_t idle_s =
	    http->keep_for_s >= 0 && http->keep_for_s <= CONNECTIONS_IDLE_S ? http->keep_for_s - 1 : CONNECTIONS_IDLE_S;
	exchange_answered(exchange, client->now, http->retry_after_bytes > 0 ? clock_wall() : WALL_NONE);
	exchange->connection = NULL;
	connection->exchange = NULL;
	if (keep && idle_s > 0 && !connection->retired)
		connections_put(&client->pool, connection, client->now, idle_s * US_PER_S);
	else
		connection_close(client, connection);
}

/* The connection is of no more use to its exchange. */
static void
lost(struct client *client, struct connection *connection, const char *problem)
{
	struct exchange *exchange = connection->exchange;
	bool race = connection->reused && !exchange->http.started && !exchange->retried;
	connection_close(client, connection);
	if (race) {
		/* Kept connections are closed by their peers, now and then just as they are used. Where not a byte
		 * came back, that is what happened, and the request goes out once more. */
		exchange->retried = true;
		exchange->connect_by_us = client->now.us + client->options.connect_timeout_ms * US_PER_MS;
		if (exchange->connect_by_us > exchange->deadline_us)
			exchange->connect_by_us = exchange->deadline_us;
		timers_set(&client->timers, &exchange->timer, exchange->connect_by_us);
		exchange_move(exchange, EXCHANGE_QUEUED);
		return;
	}
	timers_clear(&client->timers, &exchange->timer);
	if (exchange->sent_bytes == 0)
		exchange_end(exchange, client->now, TRANSMISSION_UNREACHABLE,
		    "the connection ended before the request was sent");
	else
		exchange_end(exchange, client->now, TRANSMISSION_BROKEN, "%s", problem);
}

/* False: the connection takes no more. */
static bool
send_rest(struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	struct iovec parts[2];
	for (int count = exchange_unsent(exchange, parts); count > 0; count = exchange_unsent(exchange, parts)) {
		long sent = stream_write(&connection->stream, parts, count);
		if (sent == STREAM_BROKEN)
			return false;
		if (sent < 0)
			return true;
		exchange->sent_bytes += (size_t)sent;
	}
	return true;
}

/* Whether the connection may carry another request, now that the answer is whole: all was sent, and nothing is left
 * behind that the next request would take for its answer. */
static bool
is_clean(struct client *client, struct connection *connection)
{
	const struct exchange *exchange = connection->exchange;
	if (!exchange->http.keep || connection->stream.closing || exchange->sent_bytes < exchange->total_bytes)
		return false;
	return stream_empty(&connection->stream) ||
	       stream_read(&connection->stream, client->input, sizeof client->input) == STREAM_WAIT;
}

static void
ended(struct client *client, struct connection *connection, long how)
{
	struct http1 *http = &connection->exchange->http;
	if (how == STREAM_BROKEN) {
		char problem[TLS_PROBLEM_BYTES];
		const char *reason = connection->stream.reason;
		snprintf(problem, sizeof problem, "the connection broke%s%s", reason != NULL ? ": " : "",
		    reason != NULL ? reason : "");
		lost(client, connection, problem);
		return;
	}
	http1_end(http);
	if (http->stage == HTTP1_DONE)
		answered(client, connection, false);
	else
		lost(client, connection, http->problem);
}

/* True: the exchange is over, or on another connection. */
static bool
take(struct client *client, struct connection *connection, size_t bytes)
{
	struct exchange *exchange = connection->exchange;
	struct http1 *http = &exchange->http;
	size_t used = http1_feed(http, (struct slice){client->input, bytes});
	switch (http->stage) {
	case HTTP1_DONE: answered(client, connection, used == bytes && is_clean(client, connection)); return true;
	case HTTP1_FULL: answered(client, connection, false); return true;
	case HTTP1_BAD: lost(client, connection, http->problem); return true;
	case HTTP1_STATUS:
	case HTTP1_HEADERS_OF_ANSWER:
	case HTTP1_LENGTH:
	case HTTP1_CLOSE:
	case HTTP1_CHUNK_SIZE:
	case HTTP1_CHUNK_DATA:
	case HTTP1_CHUNK_END:
	case HTTP1_TRAILERS: break;
	}
	/* From the first byte on the exchange has until its end. */
	timers_set(&client->timers, &exchange->timer, exchange->deadline_us);
	return false;
}

void
converse_ready(struct client *client, struct connection *connection, uint32_t events)
{
	bool taken = !(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) || send_rest(connection);
	/* A peer that takes no more may have said why. */
	if (!taken)
		connection->stream.drained = false;
	for (;;) {
		long count = stream_read(&connection->stream, client->input, sizeof client->input);
		if (count == STREAM_WAIT && taken)
			return;
		if (count < 0) {
			ended(client, connection, taken ? count : STREAM_BROKEN);
			return;
		}
		if (take(client, connection, (size_t)count))
			return;
	}
}

void
converse_begin(struct client *client, struct connection *connection)
{
	struct exchange *exchange = connection->exchange;
	connection->stage = CONNECTION_BUSY;
	exchange_move(exchange, EXCHANGE_FLYING);
	exchange_rewind(exchange);
	int64_t first_byte_by_us = client->now.us + client->options.first_byte_timeout_ms * US_PER_MS;
	timers_set(&client->timers, &exchange->timer,
	    first_byte_by_us < exchange->deadline_us ? first_byte_by_us : exchange->deadline_us);
	/* What it says of that comes with an edge; unless it is gone, which is known at once. */
	if (!send_rest(connection))
		converse_ready(client, connection, EPOLLHUP);
}

void
converse_idle(struct client *client, struct connection *connection, uint32_t events)
{
	if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		return;
	/* Tickets for sessions come when they like. Whatever else comes unasked is no answer to what is sent next. */
	bool stays = connection->stream.tls != NULL && !connection->stream.closing &&
		     stream_read(&connection->stream, client->input, sizeof client->input) == STREAM_WAIT;
	if (!stays)
		connection_close(client, connection);
}
