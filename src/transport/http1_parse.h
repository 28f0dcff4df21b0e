/* Reads one answer of HTTP/1 (RFC 9112) out of bytes as they come, in whatever pieces. Pure: no sockets, no clock.
 *
 *   STATUS ──▶ HEADERS ──▶ LENGTH, CLOSE ──────────────────────────────▶ DONE
 *     ▲           │ └────▶ CHUNK_SIZE ──▶ CHUNK_DATA ──▶ CHUNK_END          ▲
 *     └── 1xx ────┘          │   ▲                         │                │
 *                            │   └─────────────────────────┘                │
 *                            └──▶ TRAILERS ─────────────────────────────────┘
 *   any ──▶ BAD (`problem` says why); with a body longer than its buffer ──▶ FULL
 *
 * Invariants
 * 1. What comes out depends on the bytes alone, not on how they were cut.
 * 2. What a peer can make this keep is bounded: a line, the header lines of all answers and trailers together (chunk
 *    extensions count as such), the interim answers, the body.
 * 3. Where the end of the answer could be read in two ways, it is BAD, or the connection is not kept. */
#ifndef TRANSPORT_HTTP1_PARSE_H
#define TRANSPORT_HTTP1_PARSE_H

#include "base/buf.h"

enum {
	HTTP1_LINE_BYTES = 16 << 10,
	HTTP1_HEADER_BYTES = 64 << 10, /* all header lines of an answer, interim answers and trailers with them */
	HTTP1_HEADERS = 256,
	HTTP1_INTERIM = 16, /* 1xx answers before the one */
	HTTP1_CHUNK_LINE_BYTES = 256,
	HTTP1_RETRY_AFTER_BYTES = 48, /* longer than any date */
	HTTP1_LINE_KEPT_BYTES = 1024, /* of memory, between two answers */
};

enum http1_stage {
	HTTP1_STATUS,
	HTTP1_HEADERS_OF_ANSWER,
	HTTP1_LENGTH, /* the body has a length */
	HTTP1_CLOSE,  /* the body ends with the connection */
	HTTP1_CHUNK_SIZE,
	HTTP1_CHUNK_DATA,
	HTTP1_CHUNK_END,
	HTTP1_TRAILERS,
	/* From here on nothing more is read. */
	HTTP1_DONE,
	HTTP1_FULL,
	HTTP1_BAD,
};

struct http1 {
	enum http1_stage stage;
	int status;
	bool keep;	    /* when DONE: the connection can take another request */
	int64_t keep_for_s; /* as its peer promised (Keep-Alive: timeout), -1: it did not */
	char retry_after[HTTP1_RETRY_AFTER_BYTES];
	size_t retry_after_bytes; /* 0: none, or too long to be one */
	const char *problem;	  /* when BAD */

	int minor;
	bool close, keep_alive, chunked, sized;
	bool started;	/* a byte has come */
	int64_t length; /* what is left of the body or chunk */
	size_t header_bytes;
	int headers, interim;
	struct buf line;  /* the beginning of a line whose end has not come */
	struct buf *body; /* borrowed; its maximum is the body's */
};

/* `http` was http1_init'ed: the memory for lines stays. `body` must be empty. */
void http1_begin(struct http1 *http, struct buf *body);
void http1_init(struct http1 *http);
void http1_fini(struct http1 *http);
/* How many of the bytes belong to the answer: fewer than there are only once nothing more is read. */
size_t http1_feed(struct http1 *http, struct slice bytes);
/* The connection ended: DONE where that ends the answer, else BAD. */
void http1_end(struct http1 *http);

#endif
