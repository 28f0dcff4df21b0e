/* Bytes over a connected socket that does not block: plain, or through TLS; of the own client and of the server. Knows when reading again would be in vain, and
 * then asks neither the kernel nor OpenSSL's record layer for more: with an edge-triggered loop that is the difference
 * between one and two system calls for each answer. */
#ifndef TRANSPORT_STREAM_H
#define TRANSPORT_STREAM_H

#include "base/slice.h"

#include <openssl/ssl.h>
#include <sys/uio.h>

enum {
	STREAM_WAIT = -1,  /* nothing now; the loop will say when */
	STREAM_ENDED = -2, /* the peer sends no more; over TLS: it said so */
	STREAM_BROKEN = -3,
};

struct stream {
	int fd;
	SSL *tls;	    /* NULL: plain */
	bool drained;	    /* the last read left nothing behind */
	bool broken;	    /* TLS failed: it must not be used any more */
	bool closing;	    /* the peer's end was announced: read on until it comes */
	bool asked;	    /* the peer asked for a certificate, and there is none to give */
	const char *reason; /* why TLS failed, once it is broken; NULL: it does not say */
};

/* Up to `bytes` bytes, or one of the above. */
long stream_read(struct stream *stream, char *out, size_t bytes);
/* Is it known that reading would be in vain? Cheaper than to try. */
bool stream_empty(const struct stream *stream);
/* How many bytes went out, from the first part on; or STREAM_WAIT, STREAM_BROKEN. */
long stream_write(struct stream *stream, const struct iovec *parts, int count);
/* What the loop reported for the descriptor. */
void stream_ready(struct stream *stream, uint32_t events);
/* Nothing more is written: the peer is told so. False: the stream is broken. */
MUST_CHECK bool stream_shut(struct stream *stream);
/* Reads behind stream_shut what is of no interest any more, TLS or not: how many bytes, or one of the above. `out` is only
 * room for them. */
long stream_drop(struct stream *stream, char *out, size_t bytes);
void stream_close(struct stream *stream); /* nothing when it is closed */

/* How OpenSSL reaches the descriptor of a stream. One for each owner of streams; BIO_meth_free. */
BIO_METHOD *stream_method_new(void);

#endif
