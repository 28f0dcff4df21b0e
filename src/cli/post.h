/* Posting events through the management API, several at a time over libcurl, until each is accepted or given up.
 *
 * The idempotency key is the event's id and the same on every try, so an answer that was lost is asked for again
 * without a second message. No answer, and answers of 429 or 500 and above, are tried again with a growing pause.
 * Single-threaded; `done` is called from poster_turn and may post again. Private to cli. */
#ifndef CLI_POST_H
#define CLI_POST_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

enum { POST_PARALLEL_MAX = 256, POST_ANSWER_BYTES_MAX = 64 << 10 };

struct poster;

struct post {
	struct slice type, event_id, payload; /* copied; the payload is a JSON object and sent byte for byte */
	struct slice key;		      /* the idempotency key; absent: the event's id */
};

struct post_result {
	struct slice event_id;
	bool accepted;
	long status; /* of the last answer; 0: none came */
	unsigned tries;
	struct slice body;   /* of the answer; while `done` runs */
	const char *problem; /* why no answer came; "" otherwise */
};

struct poster_options {
	const char *url; /* of the server, without a path */
	const char *token;
	const char *organisation; /* id or uid */
	size_t parallel;	  /* 1: strictly in order */
	unsigned tries_max;
	void (*done)(void *context, const struct post_result *result);
	void *context;
};

MUST_CHECK enum error_code poster_new(const struct poster_options *options, struct poster **out, struct error *error);
void poster_free(struct poster *poster); /* what is on its way is ended without being reported */
/* Whether another may be posted now. */
bool poster_has_room(const struct poster *poster);
size_t poster_busy(const struct poster *poster);
void poster_post(struct poster *poster, const struct post *post);
/* Sends, waits for at most `wait_ms` (also until `wake_fd` is readable, where it is not -1), reports. */
void poster_turn(struct poster *poster, int wait_ms, int wake_fd);

/* From --token, --token-file or VAULTBELL_TOKEN, in this order; `out` is initialised and freed by the caller. */
struct cli_arguments;
MUST_CHECK enum error_code post_read_token(const struct cli_arguments *arguments, struct buf *out, struct error *error);

#endif
