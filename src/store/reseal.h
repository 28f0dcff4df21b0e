/* Sealing anew what the store holds sealed, after the key that it is sealed with was rotated. Pure, the same for every
 * store: it looks at one object at a time and says whether it changed.
 *
 * What is sealed: the keys and the authentication of endpoints, the keys of organisations, and the documents of change requests that may still be
 * applied. Those are compared with the endpoints member by member, so the copies of a sealed value have to stay copies:
 * whoever seals anew has to give the same result for the same value (sign.h, sealer_reseal). */
#ifndef STORE_RESEAL_H
#define STORE_RESEAL_H

#include "model/model.h"

struct change_request;

/* What is to stand for `sealed`, in the arena; absent: it stays as it is. */
typedef struct slice store_reseal(void *context, struct arena *arena, struct slice purpose, struct slice sealed);

enum reseal_part { RESEAL_ENDPOINTS, RESEAL_ORGANISATIONS, RESEAL_CHANGES, RESEAL_DONE };

/* A step of a pass over everything: begins behind `after` in `part`, looks at no more than `limit` objects. */
struct store_resealing {
	store_reseal *reseal;
	void *context;
	size_t limit;
	enum reseal_part part; /* also the result: where the next step begins */
	int64_t after;	       /* an id; the same */
	size_t looked, changed;
};

/* In place; slices live in the arena. True: something was sealed anew. */
bool reseal_endpoint(const struct store_resealing *resealing, struct arena *arena, struct endpoint *endpoint);
bool reseal_organisation(
    const struct store_resealing *resealing, struct arena *arena, struct organisation *organisation);
bool reseal_change(const struct store_resealing *resealing, struct arena *arena, struct change_request *change);

#endif
