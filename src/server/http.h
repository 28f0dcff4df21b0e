/* HTTP/1.1 in, plain or over TLS, on the caller's loop; answers now or after a commit.
 *
 * A request is handed over whole: method, undecoded path and query, headers, body (up to the limit). The handler
 * answers at once or keeps the exchange and answers later from the same thread. A client that leaves altogether cancels
 * its exchange: `gone` is called and the exchange must not be answered. One that only sends no more gets its answer.
 *
 * Kept here, for every request: what two readers could understand differently (400 and close; http_request.h says what),
 * body limit (413, without reading on), head limit (431, 414), idle and slow clients (408), connection limit. Requests
 * that come in a row on one connection are answered in that order, one after the other. Whatever is refused is refused in
 * JSON, `{code, detail}`. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"
#include "server/http_tls.h"
#include "sign/sign.h"

struct http_server;

/* One request and its answer. Valid until answered or gone. */
struct http_exchange {
	struct slice method, path, query; /* as sent; query without '?', absent when there is none */
	struct http_headers headers;
	struct slice body;
	const struct sockaddr *peer; /* who is connected */
	struct arena arena;	     /* freed with the exchange; handlers use it freely */
	void *owner;		     /* the handler's own */
	void *state;		     /* the adapter's own */
};

struct http_handlers {
	void (*request)(void *context, struct http_exchange *exchange);
	void (*gone)(void *context, struct http_exchange *exchange); /* only for exchanges that are not answered yet */
};

struct http_options {
	struct loop *loop;
	const char *host, *port; /* numeric address; port "0" takes a free one */
	size_t body_max;
	/* 0: LIMIT_CONNECTION_IDLE_S, LIMIT_HANDSHAKE_S, LIMIT_CONNECTIONS. */
	int64_t idle_ms, handshake_ms;
	size_t connections_max;
	struct http_tls *tls; /* borrowed; NULL: plain HTTP */
	struct http_handlers handlers;
	void *context;
	const struct log *log;
};

MUST_CHECK enum error_code http_server_new(
    const struct http_options *options, struct http_server **out, struct error *error);
int http_server_port(const struct http_server *server);
/* Once a turn: what is due. Returns microseconds until it must be called again, or -1. */
int64_t http_server_turn(struct http_server *server);
/* Stops accepting new connections; exchanges go on. */
void http_server_quiesce(struct http_server *server);
/* From now on requests are answered 503 here and are not handed over; what was handed over may still be answered. */
void http_server_refuse(struct http_server *server);
void http_server_free(struct http_server *server); /* `gone` is called for what is unanswered */

/* What the client's certificate says; NULL without TLS. Valid as long as the exchange. */
const struct http_certificate *http_client_certificate(struct http_exchange *exchange);
/* The first header of that name (without case), or absent. */
struct slice http_header(const struct http_exchange *exchange, const char *name);
/* Answers; `body` is copied or sent, `headers` too. content-type is application/json unless a header says otherwise. The
 * exchange's memory stays until the loop's next turn. */
void http_reply(struct http_exchange *exchange, int status, struct slice body, const struct http_headers *headers);

#endif
