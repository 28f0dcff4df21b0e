/* The words that a status may be, and what they mean through the lifecycles of the catalogue.
 *
 * A word is a state of a transaction's lifecycle, a platform status, or what happened last where that has a name of its
 * own (`reorged`, `replaced`). Which lifecycle applies depends on the direction. */
#ifndef RECONCILE_STATES_H
#define RECONCILE_STATES_H

#include "catalogue/catalogue.h"

enum direction { DIRECTION_UNKNOWN, DIRECTION_IN, DIRECTION_OUT, DIRECTION_INTERNAL, DIRECTION_COUNT };

/* "in", "out", "internal"; absent for unknown. */
struct slice direction_name(enum direction direction);
MUST_CHECK bool direction_parse(struct slice text, enum direction *out);

/* A number of a word; 0: unknown. */
typedef unsigned char state_word;

enum { STATE_WORDS_MAX = 64 };

struct state_meaning {
	struct slice name; /* as it is written in the source */
	struct slice state;
	bool reorged; /* the word says that the chain took it back: reorged, dropped */
	/* By direction; where the direction's lifecycle has no such state, what another one says of it. */
	const struct catalogue_state *in[DIRECTION_COUNT];
};

struct states {
	struct state_meaning words[STATE_WORDS_MAX];
	size_t count;
	const struct catalogue_lifecycle *resource; /* NULL: of transactions; else the one that the words are of */
	bool
	    cycles; /* it goes to and fro (an endpoint's), so that what comes later in the order counts, whatever its rank */
};

void states_init(struct states *states);
/* The words of one lifecycle of another resource (an approval, a screening), whatever the direction. */
void states_init_resource(struct states *states, const struct catalogue_lifecycle *lifecycle);
/* 0 when it is none; byte for byte. */
state_word states_find(const struct states *states, struct slice name);
/* NULL for an unknown word. */
const struct catalogue_state *states_of(const struct states *states, state_word word, enum direction direction);

#endif
