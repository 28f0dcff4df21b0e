/* The transport: sends HTTP requests and reports what came of them. Behind it, by choice, a client of our own (client.c)
 * or libcurl's (curl.c: multi, socket_action).
 *
 * The engine and the simulator never see it. Every request is reported exactly once, from the loop's thread,
 * never from inside transport_send.
 *
 * Rules kept here: the address that is connected to is checked after resolving and before connecting (guard.h);
 * redirects are not followed; no proxy is taken from the environment; only http and https; TLS is verified; the
 * answer's body is capped while reading; one deadline covers the whole exchange. */
#ifndef TRANSPORT_TRANSPORT_H
#define TRANSPORT_TRANSPORT_H

#include "base/limits.h"
#include "base/loop.h"
#include "base/log.h"
#include "sign/sign.h"
#include "transport/guard.h"
#include "transport/tls_identity.h"

struct message;

enum transmission_outcome {
	TRANSMISSION_ANSWERED,	  /* a complete answer: status_code says which */
	TRANSMISSION_REFUSED,	  /* by our own rules: address, scheme, URL; nothing was sent */
	TRANSMISSION_UNREACHABLE, /* no name, no connection, no TLS; nothing was sent */
	TRANSMISSION_TIMED_OUT,
	TRANSMISSION_BROKEN, /* the connection ended before a complete answer: the receiver may have acted */
	TRANSMISSION_PASSED, /* a destination that is not HTTP has taken it (src/act); `response` says what it said */
	TRANSMISSION_FAILED, /* and one that has not */
	TRANSMISSION_OUTCOME_COUNT,
};

struct transmission {
	/* the request: borrowed by the transport until reported */
	struct slice url;	     /* absolute, NUL-terminated behind */
	struct http_headers headers; /* without host, content-length */
	struct slice body;
	int64_t timeout_ms;
	bool plain_allowed;	       /* it may go without TLS, and is guarded all the same */
	bool own_destination;	       /* the operator's: exempt from the address guard and the HTTPS rule */
	const struct message *message; /* what is delivered: for destinations that are not HTTP; NULL: nothing says */
	/* Whose request it is. Own client: connections are shared among requests of one party and of one identity. */
	int64_t party;
	struct tls_identity *identity; /* NULL: the defaults. Borrowed; an http URL is refused with one */
	const void *destination;       /* which of the receiver's own (src/act) it is for; NULL: none */
	void *owner;
	/* the report */
	enum transmission_outcome outcome;
	bool final; /* it did not succeed, and trying again would not help: the delivery is given up */
	int status_code;
	int64_t duration_us;
	int64_t retry_after_ms;	       /* of the answer's Retry-After (RFC 9110 section 10.2.3), 0: none */
	struct wall_time peer_expires; /* of the server's certificate, where one was seen; else WALL_NONE */
	struct slice response;	       /* at most LIMIT_RESPONSE_BYTES; lives in arena */
	char problem[160];	       /* why there is no answer; no addresses of ours, no secrets */
	struct arena arena;
	void *state; /* the transport's own */
};

struct transport;

enum transport_kind {
	TRANSPORT_OWN, /* HTTP/1.1, c-ares, OpenSSL */
	TRANSPORT_CURL,
	TRANSPORT_KIND_COUNT,
};

struct transport_options {
	enum transport_kind kind;
	struct loop *loop;
	const struct guard *guard;
	bool allow_http;
	size_t connections_max;
	void (*done)(void *context, struct transmission *transmission);
	void *context;
	const struct log *log;
	int64_t connect_timeout_ms;    /* name, connection and TLS; 0: 10 s */
	int64_t first_byte_timeout_ms; /* from the request to the answer's first byte; 0: 60 s */
	/* Of the own client only. */
	const char *name_servers; /* "127.0.0.1:5353,…"; NULL: the system's */
};

MUST_CHECK enum error_code transport_new(
    const struct transport_options *options, struct transport **out, struct error *error);
void transport_send(struct transport *transport, struct transmission *transmission);
/* Drives timers; call once a turn. Reports what is done. Returns microseconds until it must be called again, or -1. */
int64_t transport_turn(struct transport *transport);
/* Nobody will send under this identity any more: its idle connections are closed, those in use are not kept, and its
 * context is forgotten. */
void transport_retire(struct transport *transport, const struct tls_identity *identity);
/* Ends what is on its way without reporting it. The transmissions stay the caller's. */
void transport_free(struct transport *transport);

/* "own", "curl". */
MUST_CHECK bool transport_kind_parse(struct slice name, enum transport_kind *out);
const char *transmission_outcome_name(enum transmission_outcome outcome);

#endif
