/* Finds the events in which two sides differ, from the top of their trees of digests down (store/digest.h). Where k of n
 * events differ, that takes a number of questions that grows with k and with the logarithm of n. */
#ifndef RECORDS_COMPARE_H
#define RECORDS_COMPARE_H

#include "base/alloc.h"
#include "base/error.h"
#include "records/feed.h"
#include "store/store.h"

enum { COMPARE_DIGEST_BYTES = 16, COMPARE_FOUND_MAX = 100000 };

/* Of the events, as much of the body's digest as tells two apart; that a minute differs was told by whole ones. */
struct compare_event {
	struct slice id;
	unsigned char digest[COMPARE_DIGEST_BYTES];
};

struct compare_answer {
	struct digest_node *nodes;
	struct compare_event *events; /* DIGEST_EVENT */
	size_t count;
	int64_t through; /* what is later is not told of */
};

/* Answers when all is built; blocks until then. */
struct compare_side {
	void *context;
	enum error_code (*ask)(void *context, enum digest_level level, int64_t from, int64_t to, struct arena *arena,
	    struct compare_answer *out, struct error *error);
};

enum compare_kind { COMPARE_MISSING_HERE, COMPARE_MISSING_THERE, COMPARE_OTHER_BODY };

struct compare_found {
	enum compare_kind kind;
	struct slice id;
};

struct comparison {
	int64_t from, to;    /* seconds since 1970; the end is no later than either side's `through` */
	int64_t here, there; /* events, as far as the days tell */
	int64_t unexplained; /* minutes whose digests differ although no event of them does */
	struct compare_found *found;
	size_t count, capacity;
	bool cut; /* there are more than COMPARE_FOUND_MAX */
	struct arena arena;
};

/* Compares [from, to). The comparison is to be freed whatever comes of it. */
MUST_CHECK enum error_code compare_sides(const struct compare_side *here, const struct compare_side *there,
    int64_t from, int64_t to, struct comparison *out, struct error *error);
void comparison_free(struct comparison *comparison);

const char *compare_kind_name(enum compare_kind kind); /* "missing_here", "missing_there", "other_body" */

/* The two kinds of sides. The store is one that may be written: what is not built yet is built. */
struct compare_store {
	struct store *store;
	struct slice source; /* of the receiver; absent: the endpoint below, of a sender */
	struct slice ref, endpoint;
};
/* For sides that ask a store in another way: what its digest says. */
void compare_take(const struct store_digest *digest, struct arena *arena, struct compare_answer *out);
struct compare_side compare_side_of_store(struct compare_store *store);
struct compare_side compare_side_of_feed(struct feed *feed);

#endif
