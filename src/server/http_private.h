/* What the files of the HTTP server share.
 *
 * A connection's life; http_enter makes every move:
 *
 *   SHAKING ─TLS is up─▶ IDLE ─first byte─▶ RECEIVING ─whole─▶ HANDLING ─not answered at once─▶ SUSPENDED
 *                         ▲                     │ refused          │ http_reply                   │ http_reply
 *                         │                     └──────────────────┴──────────────┬───────────────┘
 *                         │                                                       │ does not fit into the socket
 *                         │                                                       ├───────▶ SENDING
 *                         │                                                       ▼            │
 *                         └────────────── and the connection is kept ────────── ANSWERED ◀─────┘
 *                                                                                 │ it is not
 *                                                                                 ▼
 *                                                                              DRAINING ─▶ closed
 *
 * Invariants
 * 1. From HANDLING to ANSWERED an exchange is valid, also for whoever has just called http_reply: it is taken away, and its
 *    connection closed, only from the loop's own callbacks (http_advance), never from within http_reply.
 * 2. A connection reads nothing between HANDLING and ANSWERED: what a client sends meanwhile stays in the kernel, and its
 *    window closes.
 * 3. Descriptors are registered once, by edges. Whoever stops reading before the socket was empty comes up again in the next
 *    turn (http_again). */
#ifndef SERVER_HTTP_PRIVATE_H
#define SERVER_HTTP_PRIVATE_H

#include "base/buf.h"
#include "server/http.h"
#include "server/http_request.h"
#include "transport/stream.h"

#include <netinet/in.h>

enum {
	/* A head, and behind it the body where it fits: then both are handed over as they lie. */
	INPUT_BYTES = LIMIT_HEADER_BYTES + (2 << 10),
	BODY_FIRST_BYTES = 16 << 10, /* of room for a body that does not fit; it grows as bytes come */
	JOINED_BYTES = 16 << 10,   /* an answer up to this size is copied into one piece: one system call, one record */
	PROGRESS_BYTES = 64 << 10, /* of an answer, that a client has to take within LIMIT_CONNECTION_IDLE_S */
	DRAIN_BYTES_MAX = 8 << 20,
	DRAIN_US = 2000000,
	STEPS_MAX = 16, /* that one connection makes before the others have their turn */
};

enum http_state { SHAKING, IDLE, RECEIVING, HANDLING, SUSPENDED, SENDING, ANSWERED, DRAINING };

/* Those with one time limit are in one list, by rising `since`. */
enum http_queue { QUEUE_SHAKING, QUEUE_RECEIVING, QUEUE_SENDING, QUEUE_DRAINING, QUEUE_UNTIMED, QUEUE_COUNT };

/* In a ring; alone: in none. */
struct http_link {
	struct http_link *previous, *next;
};

struct http_connection {
	struct loop_source source;
	struct http_exchange exchange;
	struct http_server *server;
	struct stream stream;
	enum http_state state;
	struct http_link queue, again;
	struct mono_time since; /* of IDLE, of a request's first byte, of an answer's last progress … */
	struct http_request request;
	bool last;   /* nothing follows the answer */
	bool broken; /* while it was answered */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} peer;
	char *body; /* one that does not fit into `input` */
	size_t body_bytes, body_room;
	char *rest; /* of an answer that the socket did not take */
	size_t rest_bytes, rest_sent, progress_bytes;
	size_t drained_bytes;
	struct http_certificate *certificate; /* once somebody has asked for it */
	struct arena arena;		      /* as long as the connection */
	/* input: [0 … head_bytes) the request's head, [begin … end) not yet taken */
	size_t head_bytes, begin, end;
	char input[INPUT_BYTES];
};

struct http_server {
	struct http_options options;
	struct loop_source source; /* the listening socket */
	BIO_METHOD *method;	   /* with TLS */
	int port;
	bool quiesced, stopping;
	size_t count;		/* of connections */
	size_t body_rooms;	/* of all of them */
	struct mono_time now;	/* of this turn or callback */
	struct mono_time pause; /* nothing is accepted until then: there are no descriptors */
	struct mono_time complained;
	struct http_link queues[QUEUE_COUNT], again;
	struct buf scratch; /* the answer that is being written */
	int64_t date_s;	    /* what `date` says */
	char date[HTTP_DATE_BYTES];
	size_t date_bytes;
};

/* A socket that listens on a numeric address, for IPv4 or IPv6; port "0" takes a free one. */
MUST_CHECK enum error_code http_listen(const char *host, const char *port, int *out, struct error *error);
int http_port_of(int fd);

void http_link_init(struct http_link *link);
void http_link_remove(struct http_link *link); /* nothing where it is in no ring */
void http_link_append(struct http_link *ring, struct http_link *link);
void http_enter(struct http_connection *connection, enum http_state state);
/* It comes up again in the next turn. */
void http_again(struct http_connection *connection);

/* http_connection.c */
void http_connection_new(struct http_server *server, int fd, const struct sockaddr *peer, socklen_t bytes);
/* Does what can be done without waiting. The connection may be gone afterwards. */
void http_advance(struct http_connection *connection);
/* Its time is over. The connection may be gone afterwards. */
void http_expire(struct http_connection *connection);
/* Calls `gone` where an exchange is under way. */
void http_connection_free(struct http_connection *connection);

/* At the server's end: who is still waiting is told so. */
void http_abandon(struct http_connection *connection);

/* http_send.c: what is sent. */
void http_send(struct http_connection *connection, int status, struct slice body, const struct http_headers *headers);
/* The rest of an answer. */
void http_send_on(struct http_connection *connection);
/* Answers what the request was refused for; the connection ends behind it. */
void http_send_refusal(struct http_connection *connection);
/* 100 Continue, where the client waits for it. False: the connection is broken. */
MUST_CHECK bool http_send_continue(struct http_connection *connection);

/* http_receive.c: what is read; false: the client has ended, or the connection is broken. `*more`: something was read, and
 * there may be more. */
MUST_CHECK bool http_receive(struct http_connection *connection, bool *more);
/* Takes what lies in `input`. */
void http_take_input(struct http_connection *connection);
void http_body_free(struct http_connection *connection);

#endif
