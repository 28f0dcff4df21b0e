/* One request on its way: a pooled easy handle of libcurl, and the lane in which it flies. Private to the transport.
 *
 * A lane is one multi handle with the connections and names that it keeps. There are two, and this is why: libcurl
 * reuses a connection for whoever asks for the same host, and the address guard sees only new ones. A guarded
 * request that rode on a connection made for one of the operator's own destinations would go round the guard. So
 * guarded and exempt requests share nothing.
 *
 *   IDLE ──transport_send──▶ QUEUED ──transport_turn──▶ FLYING ──▶ IDLE, reported
 *                             ▲   ▲                      │ │
 *                             │   └───── lost race ──────┘ │
 *                             └──────── WAITING ◀──────────┘ too many names are being resolved
 *
 * flight_move makes every move. */
#ifndef TRANSPORT_FLIGHT_H
#define TRANSPORT_FLIGHT_H

#include "base/buf.h"
#include "transport/timers.h"
#include "transport/transport.h"

#include <curl/curl.h>

enum {
	/* libcurl resolves each name that it does not know in a thread of its own; so many at a time. */
	RESOLVING_MAX = 32,
	/* All header lines of an answer, interim answers and trailers with them. */
	ANSWER_HEADER_BYTES = 64 << 10,
	CONNECT_TIMEOUT_MS = 10000, /* where the options name none, and the next */
	FIRST_BYTE_TIMEOUT_MS = 60000,
	/* How long a resolved name is believed, and how old a connection may grow before a name is resolved again. */
	NAME_CACHE_S = 30,
	CONNECTION_AGE_S = 600,
	CONNECTION_IDLE_S = 60,
	/* What a flight keeps of its buffers between two requests. */
	FLIGHT_KEPT_BYTES = 4096,
};

enum flight_stage { FLIGHT_IDLE, FLIGHT_QUEUED, FLIGHT_WAITING, FLIGHT_FLYING, FLIGHT_STAGE_COUNT };

/* Why we ended a request ourselves. */
enum flight_stop { STOP_NONE, STOP_ADDRESS, STOP_RESOLVER_BUSY, STOP_BODY_FULL, STOP_HEADERS_FULL };

struct flight_list {
	struct flight *first, *last;
};

struct curl_transport;

struct lane {
	struct curl_transport *transport;
	int64_t connect_timeout_ms;
	CURLM *multi;
	bool exempt;	/* from the guard and the HTTPS rule */
	int64_t due_us; /* when libcurl wants to be called, monotonic; 0 at once, INT64_MAX never */
	struct flight_list flights[FLIGHT_STAGE_COUNT];
};

struct flight {
	struct flight *previous, *next; /* in its lane's list of its stage */
	struct lane *lane;
	enum flight_stage stage;
	enum flight_stop stop;
	bool relaunched; /* after a lost race; once for each transmission */
	bool plain;	 /* http is allowed */
	bool resolving;	 /* counts against RESOLVING_MAX */
	CURL *easy;
	struct transmission *transmission;
	struct tls_identity *identity; /* as set in `easy`; one reference */
	bool identity_unset;	       /* setting one failed half-way */
	struct mono_time started;
	int64_t timeout_ms;	 /* as last set in `easy` */
	struct timer first_byte; /* set while the request is on its way and nothing of an answer came */
	size_t header_bytes;
	struct buf lines;	  /* the request's header lines, each with its NUL */
	struct curl_slist *nodes; /* over `lines` */
	size_t node_count;
	struct buf body; /* the answer's, so far */
	char problem[CURL_ERROR_SIZE];
};

/* What easy handles need to know of their transport; it stays where it is as long as they live. */
struct flight_settings {
	const struct guard *guard;
	bool allow_http;
	int64_t connect_timeout_ms, first_byte_timeout_ms;
	const char *ca_file;
	/* Called when the connection is there, before the request goes out. */
	int (*sending)(void *flight, char *peer, char *own, int peer_port, int own_port);
	curl_socket_t (*open_socket)(void *flight, curlsocktype purpose, struct curl_sockaddr *address);
	int (*close_socket)(void *transport, curl_socket_t fd);
	int (*resolver_start)(void *resolver, void *reserved, void *flight);
};

/* flight_tls.c: sets what the transmission's identity asks for. Its connections are used once: libcurl would look for
 * another's with the same certificate, and knows nothing of whose they are. False: libcurl cannot do it. */
MUST_CHECK bool flight_set_identity(struct flight *flight);
/* The expiry of the server's certificate, while the answer comes. */
void flight_note_peer(struct flight *flight);
/* What went wrong in TLS. */
const char *flight_tls_reason(const struct flight *flight, CURLcode result);

struct flight *flight_new(struct lane *lane, const struct flight_settings *settings);
void flight_free(struct flight *flight);
void flight_move(struct flight *flight, enum flight_stage stage);

/* Its first byte has come, so the time for that is no longer counted. */
void flight_answer_began(struct flight *flight);

/* Did the request meet a kept connection that its peer was just closing? libcurl sends such a request again by itself,
 * but it counts how often over all the requests of a handle and gives up at each sixth (7.88): a handle that is used
 * for good must see to those. */
bool flight_lost_race(const struct flight *flight, CURLcode result);
/* Puts the transmission's request into the easy handle; false (and the outcome is set) where it cannot be sent. */
MUST_CHECK bool flight_prepare(struct flight *flight, struct mono_time now);
/* Fills in the report from what libcurl says came of it. */
void flight_land(struct flight *flight, CURLcode result, struct mono_time now);
/* Fills in a report that libcurl has no part in. */
void flight_end(struct flight *flight, struct mono_time now, enum transmission_outcome outcome, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
