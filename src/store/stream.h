/* A stream of numbers: which of them a receiver has, and which are missing although a later one has come.
 *
 * A sender that numbers its events without gaps lets its receiver see a loss without asking: by a later number, or by a
 * heartbeat that carries the newest one. What lies below the lowest number that came was before this receiver's time.
 *
 * A number that no signature covers is a hint (`trusted` false): it may make somebody look, and nothing else. Bounded:
 * runs that are too many are joined, so that what is missing may be taken for more than it is, never for less.
 *
 * Pure; the stores keep it in the commit that journals the event. */
#ifndef STORE_STREAM_H
#define STORE_STREAM_H

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

enum { STREAM_GAPS_MAX = 512, STREAM_KEY_BYTES = 520, STREAM_COUNT_MAX = 256 };

struct stream_gap {
	int64_t first, last;
	struct wall_time since; /* when it was seen */
	bool trusted;
};

struct stream {
	char key[STREAM_KEY_BYTES]; /* the source; or, for numbers of the body, the source, '/' and the organisation */
	int64_t first, highest;	    /* of all that came or were told of; first 0: none yet */
	int64_t lost;		    /* numbers that are no longer waited for */
	int64_t again;		    /* how many in a row were numbers that are there already: the sender began anew */
	struct wall_time heard;	    /* the last heartbeat; 0: none */
	int64_t interval_s;	    /* between heartbeats, as they say */
	struct stream_gap gaps[STREAM_GAPS_MAX];
	size_t gap_count;
	bool changed; /* since it was stored */
};

struct streams {
	struct stream *items[STREAM_COUNT_MAX];
	size_t count;
};

/* NULL: there is none; and for `put`, there are too many. */
struct stream *streams_find(const struct streams *streams, struct slice key);
struct stream *streams_put(struct streams *streams, struct slice key);
void streams_free(struct streams *streams);

/* This number has come. */
void stream_take(struct stream *stream, int64_t number, bool trusted, struct wall_time now);
/* The sender says that this is its newest. */
void stream_hear(struct stream *stream, int64_t newest, int64_t interval_s, bool trusted, struct wall_time now);
/* These are no longer waited for. */
void stream_settle(struct stream *stream, int64_t first, int64_t last);
/* The sender, asked, says that its newest is this: a hint of more was none. */
void stream_bound(struct stream *stream, int64_t newest);
/* How many are missing; with those that are only a hint, or without. */
int64_t stream_missing(const struct stream *stream, bool hints);

void stream_encode(const struct stream *stream, struct buf *out);
/* Fills all but the key. ERR_CORRUPT when it is none of ours. */
MUST_CHECK enum error_code stream_decode(struct slice text, struct stream *out, struct error *error);

#endif
