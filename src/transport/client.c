/* The own client: send, turn, deadlines, reports. connect.c makes connections and converse.c uses them.
 *
 * Invariants
 * 1. Reports go out from client_turn alone; everything else only moves exchanges to DONE.
 * 2. Every exchange is in exactly one list, that of its stage (exchange.h), and every transmission has one exchange
 *    until it is reported.
 * 3. An exchange that is QUEUED to FLYING has a timer set: its next deadline. The last one is the whole exchange's, and
 *    nothing that a peer does moves that.
 * 4. A request is sent twice only where its first connection was a kept one that ended without a byte of an answer.
 * 5. No connection is made to an address that the guard has not judged in the same breath. */
#include "transport/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_TIMEOUT_MS = 10000, FIRST_BYTE_TIMEOUT_MS = 60000 };

static void
on_session(struct stream *stream, SSL_SESSION *session)
{
	struct connection *connection = CONTAINER_OF(stream, struct connection, stream);
	const struct client *client = connection->owner;
	connections_remember(connection->authority, session, client->now);
}

static void client_free(struct transport *transport);

static enum error_code
client_open(const struct transport_options *options, struct transport **out, struct error *error)
{
	struct client *client = mem_zero(1, sizeof *client);
	*out = NULL;
	client->options = *options;
	if (options->connect_timeout_ms == 0)
		client->options.connect_timeout_ms = CONNECT_TIMEOUT_MS;
	if (options->first_byte_timeout_ms == 0)
		client->options.first_byte_timeout_ms = FIRST_BYTE_TIMEOUT_MS;
	connections_init(&client->pool, options->connections_max);
	const struct tls_options tls = {
	    .authorities = transport_authorities(NULL, options->log), .session = on_session};
	const struct resolver_options resolver = {
	    .loop = options->loop, .servers = options->name_servers, .done = connect_resolved, .context = client};
	enum error_code code = tls_new(&tls, &client->tls, error);
	if (code == OK)
		code = resolver_new(&resolver, &client->resolver, error);
	if (code != OK) {
		client_free(&client->base);
		return code;
	}
	*out = &client->base;
	return OK;
}

static void
client_free(struct transport *transport)
{
	struct client *client = CONTAINER_OF(transport, struct client, base);
	while (client->pool.oldest != NULL)
		connection_close(client, client->pool.oldest);
	for (int stage = 0; stage < EXCHANGE_STAGE_COUNT; stage++) {
		while (client->exchanges[stage].first != NULL) {
			struct exchange *exchange = client->exchanges[stage].first;
			if (exchange->connection != NULL)
				connection_close(client, exchange->connection);
			if (exchange->authority != NULL)
				connections_release(&client->pool, exchange->authority);
			resolver_forget(&exchange->lookup);
			exchange_free(exchange);
		}
	}
	resolver_free(client->resolver);
	connections_fini(&client->pool);
	tls_free(client->tls);
	timers_fini(&client->timers);
	free(client);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
client_send(struct transport *transport, struct transmission *transmission)
{
	struct client *client = CONTAINER_OF(transport, struct client, base);
	struct exchange *exchange = client->exchanges[EXCHANGE_FREE].first;
	if (exchange == NULL)
		exchange = exchange_new(client->exchanges);
	exchange->transmission = transmission;
	exchange->started = clock_mono();
	exchange->deadline_us = exchange->started.us + transmission->timeout_ms * US_PER_MS;
	exchange->connect_by_us =
	    sooner(exchange->deadline_us, exchange->started.us + client->options.connect_timeout_ms * US_PER_MS);
	exchange->retried = false;
	exchange->sent_bytes = 0;
	buf_clear(&exchange->body);
	transmission->state = exchange;
	timers_set(&client->timers, &exchange->timer, exchange->connect_by_us);
	exchange_move(exchange, EXCHANGE_QUEUED);
}

/* Takes the URL apart and writes the request; false: it was refused. */
static bool
prepare(struct client *client, struct exchange *exchange)
{
	const struct transmission *transmission = exchange->transmission;
	bool exempt = transmission->own_destination;
	struct url url;
	const char *problem = url_split(transmission->url, &url);
	if (problem == NULL && !url.tls && !client->options.allow_http && !exempt && !transmission->plain_allowed)
		problem = "the URL's scheme is not allowed: use https";
	if (problem == NULL && !url.tls && transmission->identity != NULL)
		problem = "the endpoint has TLS settings, but its URL is not https";
	if (problem == NULL) {
		exchange->authority =
		    connections_authority(&client->pool, &url, exempt, transmission->party, transmission->identity);
		problem = url.bracketed && !exchange->authority->is_address
			      ? "the URL's host is not an address, although it stands in brackets"
			      : exchange_compose(exchange, &url);
	}
	if (problem == NULL)
		return true;
	timers_clear(&client->timers, &exchange->timer);
	exchange_end(exchange, client->now, TRANSMISSION_REFUSED, "%s", problem);
	return false;
}

static void
launch(struct client *client)
{
	/* Nothing here reports, so nothing is added but what is sent once more. */
	while (client->exchanges[EXCHANGE_QUEUED].first != NULL) {
		struct exchange *exchange = client->exchanges[EXCHANGE_QUEUED].first;
		if (exchange->authority != NULL || prepare(client, exchange))
			connect_exchange(client, exchange);
	}
}

/* A deadline has passed: that of a connection or that of the answer. */
static void
expire(struct client *client, struct exchange *exchange)
{
	int64_t timeout_ms = exchange->transmission->timeout_ms;
	bool flying = exchange->stage == EXCHANGE_FLYING;
	bool connecting = exchange->stage == EXCHANGE_CONNECTING;
	if (exchange->connection != NULL)
		connection_close(client, exchange->connection);
	if (connecting && client->now.us < exchange->connect_by_us) {
		exchange->connect_error = ETIMEDOUT;
		connect_next(client, exchange);
		return;
	}
	timers_clear(&client->timers, &exchange->timer);
	resolver_forget(&exchange->lookup);
	if (!flying)
		exchange_end(exchange, client->now, TRANSMISSION_UNREACHABLE, "no connection within %" PRId64 " ms",
		    sooner(timeout_ms, client->options.connect_timeout_ms));
	else if (client->now.us >= exchange->deadline_us)
		exchange_end(exchange, client->now, TRANSMISSION_TIMED_OUT, "no complete answer within %" PRId64 " ms",
		    timeout_ms);
	else
		exchange_end(exchange, client->now, TRANSMISSION_TIMED_OUT, "no answer began within %" PRId64 " ms",
		    client->options.first_byte_timeout_ms);
}

/* The exchange is free again before the report, which may send the next request. */
static void
report(struct client *client, struct exchange *exchange)
{
	struct transmission *transmission = exchange->transmission;
	transmission->peer_expires = exchange->authority == NULL ? WALL_NONE : exchange->authority->peer_expires;
	if (exchange->authority != NULL)
		connections_release(&client->pool, exchange->authority);
	exchange->authority = NULL;
	exchange->transmission = NULL;
	transmission->state = NULL;
	exchange_move(exchange, EXCHANGE_FREE);
	client->options.done(client->options.context, transmission);
}

static void
keep_time(struct client *client)
{
	for (struct timer *timer = timers_first(&client->timers); timer != NULL && timer->due_us <= client->now.us;
	     timer = timers_first(&client->timers))
		expire(client, CONTAINER_OF(timer, struct exchange, timer));
	while (client->pool.oldest != NULL && client->pool.oldest->idle_until_us <= client->now.us)
		connection_close(client, client->pool.oldest);
}

static int64_t
client_turn(struct transport *transport)
{
	struct client *client = CONTAINER_OF(transport, struct client, base);
	client->now = clock_mono();
	keep_time(client);
	while (client->exchanges[EXCHANGE_DONE].first != NULL)
		report(client, client->exchanges[EXCHANGE_DONE].first);
	while (client->exchanges[EXCHANGE_WAITING].first != NULL && connect_room(client))
		connect_exchange(client, client->exchanges[EXCHANGE_WAITING].first);
	launch(client);
	int64_t wait_us = resolver_turn(client->resolver, client->now);
	if (client->exchanges[EXCHANGE_DONE].first != NULL || client->exchanges[EXCHANGE_QUEUED].first != NULL)
		return 0;
	int64_t due_us = wait_us < 0 ? INT64_MAX : client->now.us + wait_us;
	const struct timer *timer = timers_first(&client->timers);
	if (timer != NULL)
		due_us = sooner(due_us, timer->due_us);
	if (client->pool.oldest != NULL)
		due_us = sooner(due_us, client->pool.oldest->idle_until_us);
	if (due_us == INT64_MAX)
		return -1;
	return due_us > client->now.us ? due_us - client->now.us : 0;
}

static bool
is_under(const struct connection *connection, const struct tls_identity *identity)
{
	const struct tls_identity *own = connection->authority->identity;
	return own != NULL && memcmp(tls_identity_digest(own), tls_identity_digest(identity), SHA256_BYTES) == 0;
}

static void
client_retire(struct transport *transport, const struct tls_identity *identity)
{
	struct client *client = CONTAINER_OF(transport, struct client, base);
	for (struct connection *idle = client->pool.oldest, *next; idle != NULL; idle = next) {
		next = idle->newer;
		if (is_under(idle, identity))
			connection_close(client, idle);
	}
	for (int stage = 0; stage < EXCHANGE_STAGE_COUNT; stage++)
		for (struct exchange *one = client->exchanges[stage].first; one != NULL; one = one->next)
			if (one->connection != NULL && is_under(one->connection, identity))
				one->connection->retired = true;
	connections_forget_sessions(&client->pool, identity);
	tls_forget(client->tls, identity);
}

const struct transport_backend transport_own = {
    .open = client_open,
    .send = client_send,
    .turn = client_turn,
    .retire = client_retire,
    .free = client_free,
};
