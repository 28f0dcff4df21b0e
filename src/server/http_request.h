/* Reads one request of HTTP/1 (RFC 9112) out of bytes as they come, in whatever pieces. Pure: no sockets, no clock, and no
 * memory but the table of headers in the caller's arena.
 *
 *   LINE ─▶ FIELDS ─┬─────────────────────────────────────────────────────────────────────────────▶ WHOLE
 *                   ├─▶ LENGTH ──────────────────────────────────────────────────────────────────────▲
 *                   └─▶ SIZE ─▶ BLANK ─▶ EXTENSION ─▶ SIZE_LF ─▶ DATA ─▶ DATA_CR ─▶ DATA_LF            │
 *                        ▲                               │                            │              │
 *                        └───────────────────────────────┼────────────────────────────┘              │
 *                                                        └─▶ TRAILER ─▶ (name, value, LF) ─▶ END_LF ──┘
 *   any ─▶ REFUSED: `refusal` says how it is answered; the connection is of no further use
 *
 * Invariants
 * 1. What comes out depends on the bytes alone, not on how they were cut.
 * 2. Where a request ends is no matter of opinion: lines end with CR LF and nothing else does, a length is given once, in
 *    decimal, and not beside a coding, and the only coding is "chunked" (RFC 9112 sections 2.2, 6.1, 6.3).
 * 3. What a peer can make somebody keep is bounded: a head by LIMIT_HEADER_BYTES and LIMIT_HEADERS, a body by `body_max`,
 *    before any of it is taken. Chunk extensions and trailers are read and dropped, LIMIT_HEADER_BYTES of them in all. */
#ifndef SERVER_HTTP_REQUEST_H
#define SERVER_HTTP_REQUEST_H

#include "base/alloc.h"
#include "sign/sign.h"

enum http_stage {
	HTTP_LINE,
	HTTP_FIELDS,
	/* Of the body. */
	HTTP_LENGTH,
	HTTP_SIZE,
	HTTP_BLANK, /* between a chunk's size and its extension */
	HTTP_EXTENSION,
	HTTP_SIZE_LF,
	HTTP_DATA,
	HTTP_DATA_CR,
	HTTP_DATA_LF,
	HTTP_TRAILER, /* the beginning of its line */
	HTTP_TRAILER_NAME,
	HTTP_TRAILER_VALUE,
	HTTP_TRAILER_LF,
	HTTP_END_LF,
	/* From here on nothing more is read. */
	HTTP_WHOLE,
	HTTP_REFUSED,
};

struct http_refusal {
	int status;
	const char *code, *detail; /* of the error answer */
};

struct http_request {
	enum http_stage stage;
	/* From the end of FIELDS on; they point into the bytes of the head. */
	struct slice method, path, query; /* as sent; query without '?', absent when there is none */
	struct http_headers headers;
	bool keep;     /* the connection can take another request behind this one */
	bool old;      /* HTTP/1.0 */
	bool expects;  /* "100-continue": the client waits for that before it sends the body */
	uint64_t left; /* of the body where it has a length, of the chunk where not */
	struct http_refusal refusal;

	size_t body_max, body_bytes; /* so far */
	size_t seen, fields_at, lines;
	size_t digits; /* of a chunk's size */
	size_t extra;  /* bytes of chunk extensions and trailers */
};

void http_request_begin(struct http_request *request, size_t body_max);
/* LINE, FIELDS: `bytes` is what has come since the request's first byte, at the same address in each call. Returns how many
 * of them the head has, once it is whole; 0 until then, and when it is refused. */
size_t http_request_head(struct http_request *request, struct slice bytes, struct arena *arena);
/* The stages of the body: takes the next bytes and returns how many; fewer than there are where they hold a run of the body's
 * content, `*content`, which points into them (else it is empty), or where nothing more is read. */
size_t http_request_body(struct http_request *request, struct slice bytes, struct slice *content);
void http_request_refuse(struct http_request *request, int status, const char *code, const char *detail);

/* The head of an answer: http_answer.c. */
struct http_answer {
	int status;
	const struct http_headers
	    *headers;	   /* NULL: none; content-type is application/json unless one of them says otherwise */
	struct slice date; /* as in the Date field */
	size_t body_bytes;
	bool close, old; /* the connection ends behind it; the request was of HTTP/1.0 */
};

enum { HTTP_DATE_BYTES = 32, HTTP_ANSWER_HEAD_BYTES = 64 << 10 };

/* Whether an answer of that status has neither a body nor a length (RFC 9110 sections 6.4.1, 8.6). */
bool http_answer_is_bare(int status);
/* Appends it. A field whose name is no token, or whose value has a control character, is left out: nothing that came from
 * a peer can begin a line of its own. */
void http_answer_write(struct buf *out, const struct http_answer *answer);
/* RFC 9110 section 5.6.7; NUL-terminated, returns its length. */
size_t http_date_write(char out[static HTTP_DATE_BYTES], int64_t seconds);

#endif
