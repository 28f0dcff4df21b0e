/* Identifiers: 64-bit integers inside, prefixed base62 text at the edge, one distinct type for each kind.
 *
 * Layout, most significant first: 1 zero bit, 43 bits of milliseconds since 2014-05-13T16:53:20Z,
 * 20 bits of sequence within them. So ids rise with time, which keeps inserts at the end of a B-tree.
 * The text is the kind's prefix and 27 base62 digits of 20 bytes: the integer, then 12 bytes mixed from it
 * and the kind. They make a mistyped id, or an id of another kind, no id at all, and text order is time
 * order. They are no secret: authority never rests on an id.
 *
 * Invariant: one generator hands out strictly rising ids, also when the clock steps back. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/clock.h"

enum id_kind {
	ID_ORGANISATION, /* app_ */
	ID_ENDPOINT,	 /* ep_ */
	ID_MESSAGE,	 /* msg_ */
	ID_ATTEMPT,	 /* atmpt_ */
	ID_EVENT_TYPE,	 /* evtype_ */
	ID_TASK,	 /* qtask_ */
	ID_TOKEN,	 /* tok_ */
	ID_AUDIT,	 /* audit_: a row's number */
	ID_CHANGE,	 /* chg_ */
	ID_KIND_COUNT,
};

struct organisation_id {
	int64_t value;
};
struct endpoint_id {
	int64_t value;
};
struct message_id {
	int64_t value;
};
struct attempt_id {
	int64_t value;
};
struct token_id {
	int64_t value;
};

enum { ID_TEXT_BYTES = 40, ID_DIGITS = 27 };

const char *id_prefix(enum id_kind kind);
/* NUL-terminated; returns out. */
const char *id_format(enum id_kind kind, int64_t id, char out[static ID_TEXT_BYTES]);
/* False when the text is not an id of this kind. */
MUST_CHECK bool id_parse(enum id_kind kind, struct slice text, int64_t *out);
/* The wall time (millisecond precision) at which an id was made. */
struct wall_time id_time(int64_t id);
/* The lowest id of that time: a bound for queries. */
int64_t id_floor(struct wall_time time);

struct id_source {
	int64_t last;
};

/* The next id: at least `now`, always above all before. */
int64_t id_next(struct id_source *source, struct wall_time now);

#endif
