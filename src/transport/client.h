/* The own client: HTTP/1.1 for deliveries, on the loop's epoll. Private to the transport.
 *
 * What it is not: a general client. It posts; it knows no proxies, no HTTP/2, no redirects, no cookies. */
#ifndef TRANSPORT_CLIENT_H
#define TRANSPORT_CLIENT_H

#include "transport/backend.h"
#include "transport/exchange.h"
#include "transport/tls.h"

enum { CLIENT_INPUT_BYTES = 32 << 10, US_PER_MS = 1000, US_PER_S = 1000000 };

struct client {
	struct transport base; /* first: what callers have is this */
	struct transport_options options;
	struct exchange_list exchanges[EXCHANGE_STAGE_COUNT];
	struct connections pool;
	struct timers timers;
	struct resolver *resolver;
	struct tls *tls;
	struct mono_time now; /* of the last turn, or of the connection that was ready last */
	char input[CLIENT_INPUT_BYTES];
};

/* --- connect.c: from a request to a connection ------------------------------------------------------------ */

/* Sends the request on a kept connection, or begins to make one, or has it wait for one. */
void connect_exchange(struct client *client, struct exchange *exchange);
/* Tries the next of its addresses, or ends it. */
void connect_next(struct client *client, struct exchange *exchange);
void connect_resolved(void *client, struct lookup *lookup, const struct addresses *addresses);
/* May one more connection be made, with an idle one closed for it or not? */
bool connect_room(const struct client *client);
/* Closes a connection and forgets it; the exchange on it (if any) is left without one. */
void connection_close(struct client *client, struct connection *connection);

/* --- converse.c: what goes over a connection -------------------------------------------------------------- */

/* The connection stands: sends the exchange's request. */
void converse_begin(struct client *client, struct connection *connection);
/* The loop says that something happened on it. */
void converse_ready(struct client *client, struct connection *connection, uint32_t events);
/* Looks at an idle connection that the loop says something about; it may be gone behind this. */
void converse_idle(struct client *client, struct connection *connection, uint32_t events);

#endif
