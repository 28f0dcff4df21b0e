/* A pool of texts: each different text is held once, and two texts are equal exactly when their numbers are.
 *
 * A million transactions appear in three sources with mostly the same values; held once, and compared as numbers,
 * they fit in memory and join fast. Hexadecimal of an even length (hashes, addresses, many amounts) is packed to half.
 * Texts are never removed. */
#ifndef RECONCILE_TEXTS_H
#define RECONCILE_TEXTS_H

#include "base/buf.h"

/* 0: absent. An empty text is absent too: in records an empty member is unknown. */
struct text {
	uint32_t at;
};

#define TEXT_NONE ((struct text){0})

struct text_slot {
	uint32_t at, hash;
};

struct texts {
	unsigned char *bytes;
	size_t len, capacity;
	struct text_slot *slots;
	size_t slot_count, count;
	size_t behind[2]; /* where the texts that were found last end: the next one may stand there */
	bool full;	  /* beyond 4 GiB; texts_put gives TEXT_NONE from then on */
};

void texts_init(struct texts *texts);
void texts_fini(struct texts *texts);
struct text texts_put(struct texts *texts, struct slice text);
/* The same for one that is mostly what it was last time, which is asked first. */
void texts_put_again(struct texts *texts, struct slice text, struct text *last);
enum { TEXTS_MANY_MAX = 16 };
/* The same for several at once, whose places in memory are then fetched side by side. `out` holds what the row before had
 * in the same places, which is asked first: networks and assets repeat. */
void texts_put_many(struct texts *texts, const struct slice *values, size_t count, struct text *out);
/* TEXT_NONE when it is not there. */
struct text texts_find(const struct texts *texts, struct slice text);
/* Gives the memory of the look-ups back; nothing is put or found from then on. */
void texts_settle(struct texts *texts);
/* A copy in `arena`; absent for TEXT_NONE. */
struct slice texts_get(const struct texts *texts, struct text text, struct arena *arena);

static inline bool
text_present(struct text text)
{
	return text.at != 0;
}

static inline bool
text_equal(struct text a, struct text b)
{
	return a.at == b.at;
}

/* Both are known and differ: what is unknown never mismatches. */
static inline bool
text_differs(struct text a, struct text b)
{
	return a.at != b.at && a.at != 0 && b.at != 0;
}

#endif
