#include "transport/client.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_ready(struct loop_source *source, uint32_t events);

void
connection_close(struct client *client, struct connection *connection)
{
	if (connection->stage == CONNECTION_IDLE)
		connections_remove(&client->pool, connection);
	if (connection->exchange != NULL)
		connection->exchange->connection = NULL;
	loop_remove(client->options.loop, &connection->source);
	stream_close(&connection->stream);
	connections_release(&client->pool, connection->authority);
	client->pool.count--;
	free(connection);
}

bool
connect_room(const struct client *client)
{
	return client->pool.count < client->pool.max || client->pool.oldest != NULL;
}

/* 0, or errno. */
static int
open_connection(struct client *client, struct exchange *exchange, const union address *address)
{
	if (client->pool.count >= client->pool.max)
		connection_close(client, client->pool.oldest);
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	socklen_t length = address->any.sa_family == AF_INET ? sizeof address->in : sizeof address->in6;
	if (connect(fd, &address->any, length) != 0 && errno != EINPROGRESS) {
		int error = errno;
		close(fd);
		return error;
	}
	struct connection *connection = mem_zero(1, sizeof *connection);
	/* Registered once, by edges: no request costs a change of what is waited for. */
	connection->source = (struct loop_source){
	    .fd = fd, .events = (uint32_t)(EPOLLIN | EPOLLOUT | EPOLLRDHUP) | (uint32_t)EPOLLET, .ready = on_ready};
	connection->stream = (struct stream){.fd = fd, .drained = true};
	connection->stage = CONNECTION_CONNECTING;
	connection->owner = client;
	connection->authority = exchange->authority;
	connection->exchange = exchange;
	connection->born = client->now;
	connections_use(exchange->authority);
	client->pool.count++;
	exchange->connection = connection;
	loop_add(client->options.loop, &connection->source);
	return 0;
}

/* Each address that is left gets its share of the time: one that swallows everything does not stand for all. */
static int64_t
connect_due(const struct client *client, const struct exchange *exchange)
{
	int64_t left_us = exchange->connect_by_us - client->now.us;
	int64_t addresses = (int64_t)(exchange->addresses.count - exchange->next_address) + 1;
	return client->now.us + left_us / addresses;
}

static void
no_connection(struct client *client, struct exchange *exchange)
{
	timers_clear(&client->timers, &exchange->timer);
	if (exchange->address_refused && exchange->connect_error == 0) {
		exchange_end(exchange, client->now, TRANSMISSION_REFUSED,
		    "the address is private, local or reserved and not allowed");
		return;
	}
	const char *reason = exchange->connect_error != 0 ? strerrordesc_np(exchange->connect_error) : NULL;
	exchange_end(exchange, client->now, TRANSMISSION_UNREACHABLE, "no connection%s%s", reason != NULL ? ": " : "",
	    reason != NULL ? reason : "");
}

void
connect_next(struct client *client, struct exchange *exchange)
{
	while (exchange->next_address < exchange->addresses.count) {
		if (!connect_room(client)) {
			timers_set(&client->timers, &exchange->timer, exchange->connect_by_us);
			exchange_move(exchange, EXCHANGE_WAITING);
			return;
		}
		/* Judged here, where it is connected to, whatever a name said before or will say next. */
		const union address *address = &exchange->addresses.items[exchange->next_address++];
		if (!exchange->authority->exempt && !guard_allows(client->options.guard, &address->any)) {
			exchange->address_refused = true;
			continue;
		}
		exchange->connect_error = open_connection(client, exchange, address);
		if (exchange->connect_error != 0)
			continue;
		if (exchange->stage != EXCHANGE_CONNECTING)
			exchange_move(exchange, EXCHANGE_CONNECTING);
		timers_set(&client->timers, &exchange->timer, connect_due(client, exchange));
		return;
	}
	no_connection(client, exchange);
}

static void
set_addresses(struct exchange *exchange, const struct addresses *addresses)
{
	exchange->addresses = *addresses;
	exchange->next_address = 0;
	exchange->address_refused = false;
	exchange->connect_error = 0;
	in_port_t port = htons(exchange->authority->port);
	for (size_t i = 0; i < exchange->addresses.count; i++) {
		union address *address = &exchange->addresses.items[i];
		if (address->any.sa_family == AF_INET)
			address->in.sin_port = port;
		else
			address->in6.sin6_port = port;
	}
}

void
connect_resolved(void *context, struct lookup *lookup, const struct addresses *addresses)
{
	struct client *client = context;
	struct exchange *exchange = CONTAINER_OF(lookup, struct exchange, lookup);
	if (addresses == NULL) {
		timers_clear(&client->timers, &exchange->timer);
		exchange_end(exchange, client->now, TRANSMISSION_UNREACHABLE, "the host name does not resolve");
		return;
	}
	set_addresses(exchange, addresses);
	connect_next(client, exchange);
}

void
connect_exchange(struct client *client, struct exchange *exchange)
{
	struct authority *authority = exchange->authority;
	/* What met a closing connection does not try its luck with another kept one. */
	struct connection *kept = exchange->retried ? NULL : connections_take(authority, &client->pool, client->now);
	if (kept != NULL) {
		kept->exchange = exchange;
		exchange->connection = kept;
		converse_begin(client, kept);
		return;
	}
	if (!connect_room(client)) {
		exchange_move(exchange, EXCHANGE_WAITING);
		return;
	}
	const struct addresses *addresses =
	    authority->is_address
		? &authority->literal
		: resolver_ask(client->resolver, slice_of(authority->host), &exchange->lookup, client->now);
	if (addresses == NULL) {
		exchange_move(exchange, EXCHANGE_RESOLVING);
		return;
	}
	set_addresses(exchange, addresses);
	connect_next(client, exchange);
}

/* --- a connection that is being made ---------------------------------------------------------------------- */

static void
shake(struct client *client, struct connection *connection)
{
	char problem[TLS_PROBLEM_BYTES];
	long result = tls_shake(&connection->stream, problem);
	if (result == STREAM_WAIT)
		return;
	if (result == 0) {
		struct wall_time expires = tls_peer_expires(&connection->stream);
		if (expires.us != 0)
			connection->authority->peer_expires = expires;
		converse_begin(client, connection);
		return;
	}
	struct exchange *exchange = connection->exchange;
	connection_close(client, connection);
	timers_clear(&client->timers, &exchange->timer);
	exchange_end(exchange, client->now, TRANSMISSION_UNREACHABLE, "no TLS: %s", problem);
}

static void
on_connected(struct client *client, struct connection *connection, uint32_t events)
{
	struct exchange *exchange = connection->exchange;
	struct authority *authority = connection->authority;
	int error = 0;
	socklen_t length = sizeof error;
	if (getsockopt(connection->stream.fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	if (error != 0) {
		connection_close(client, connection);
		exchange->connect_error = error;
		connect_next(client, exchange);
		return;
	}
	/* In none of our protocols the server speaks first: this would be the answer to nothing, or the end. */
	if (events & EPOLLIN) {
		connection_close(client, connection);
		timers_clear(&client->timers, &exchange->timer);
		exchange_end(exchange, client->now, TRANSMISSION_UNREACHABLE,
		    "the connection ended, or its peer spoke, before the request was sent");
		return;
	}
	if (!authority->tls) {
		converse_begin(client, connection);
		return;
	}
	connection->stage = CONNECTION_SHAKING;
	timers_set(&client->timers, &exchange->timer, exchange->connect_by_us);
	if (tls_start(client->tls, authority->exempt ? 1 : 0, authority->identity, &connection->stream, authority->host,
		authority->is_address, connections_session(authority, client->now))) {
		shake(client, connection);
		return;
	}
	connection_close(client, connection);
	timers_clear(&client->timers, &exchange->timer);
	exchange_end(exchange, client->now, TRANSMISSION_REFUSED,
	    "the endpoint's client certificate and key cannot be used for TLS");
}

static void
on_ready(struct loop_source *source, uint32_t events)
{
	struct connection *connection = CONTAINER_OF(source, struct connection, source);
	struct client *client = connection->owner;
	client->now = clock_mono();
	stream_ready(&connection->stream, events);
	switch (connection->stage) {
	case CONNECTION_CONNECTING:
		if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			on_connected(client, connection, events);
		break;
	case CONNECTION_SHAKING: shake(client, connection); break;
	case CONNECTION_BUSY: converse_ready(client, connection, events); break;
	case CONNECTION_IDLE: converse_idle(client, connection, events); break;
	}
}
