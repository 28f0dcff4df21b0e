/* One request on its way through the own client: its state, its bytes, its report. What moves it stands in client.c.
 *
 *   FREE ──transport_send──▶ QUEUED ──▶ FLYING ──▶ DONE ──reported──▶ FREE
 *                             ▲  │ ▲     ▲  │        ▲
 *                             │  │ └─────┼──┘ once: a kept connection ended before a byte of an answer came
 *                             │  ├──▶ RESOLVING ──▶ CONNECTING ──▶ FLYING
 *                             │  └──▶ WAITING: no connection may be added ──▶ QUEUED
 *   every stage but FREE and DONE may end in DONE, by a rule, a failure or a deadline
 *
 * exchange_move makes every move. */
#ifndef TRANSPORT_EXCHANGE_H
#define TRANSPORT_EXCHANGE_H

#include "transport/http1_parse.h"
#include "transport/connections.h"
#include "transport/timers.h"
#include "transport/transport.h"

enum {
	REQUEST_HEAD_BYTES = 256 << 10,
	/* A body up to so long goes behind its head into one TLS record, for a copy of it. */
	REQUEST_JOINED_BYTES = 16 << 10,
	EXCHANGE_KEPT_BYTES = 4096, /* of each buffer's memory, between two requests */
};

enum exchange_stage {
	EXCHANGE_FREE,
	EXCHANGE_QUEUED,
	EXCHANGE_WAITING,
	EXCHANGE_RESOLVING,
	EXCHANGE_CONNECTING,
	EXCHANGE_FLYING,
	EXCHANGE_DONE,
	EXCHANGE_STAGE_COUNT
};

struct exchange {
	struct exchange *previous, *next; /* in the client's list of its stage */
	struct exchange_list *lists;
	enum exchange_stage stage;
	struct transmission *transmission;
	struct mono_time started;
	int64_t deadline_us, connect_by_us;
	struct timer timer; /* the next of its deadlines */
	struct authority *authority;
	struct lookup lookup;
	struct addresses addresses; /* those to try */
	size_t next_address;
	bool address_refused; /* one of them, by the guard */
	int connect_error;    /* errno of the last one that failed */
	bool retried;	      /* after a lost race; once for each transmission */
	struct connection *connection;
	struct buf head; /* the request's, with its body behind it where they go together */
	size_t head_bytes, total_bytes, sent_bytes;
	struct http1 http;
	struct buf body; /* the answer's, so far */
};

struct exchange_list {
	struct exchange *first, *last;
};

struct exchange *exchange_new(struct exchange_list *lists); /* `lists` by stage; it begins FREE */
void exchange_free(struct exchange *exchange);
void exchange_move(struct exchange *exchange, enum exchange_stage stage);

/* Writes the request; NULL, or why it cannot be sent. Behind it nothing of the request was sent. */
const char *exchange_compose(struct exchange *exchange, const struct url *url);
/* Begins (or begins anew) to send on a connection of the authority's. */
void exchange_rewind(struct exchange *exchange);
/* What is left to send, in one or two parts; 0: all was sent. */
int exchange_unsent(const struct exchange *exchange, struct iovec parts[static 2]);

/* Fill in the report and move to DONE. */
void exchange_answered(struct exchange *exchange, struct mono_time now, struct wall_time wall);
void exchange_end(struct exchange *exchange, struct mono_time now, enum transmission_outcome outcome,
    const char *format, ...) PRINTF_LIKE(4, 5);

#endif
