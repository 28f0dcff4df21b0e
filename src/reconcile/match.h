/* Which records of the three sources speak of the same transaction.
 *
 * First that hits: `id`; `network` + `tx_hash` + `output_index` + `direction`; `client_reference`. In a key empty equals
 * only empty, and a key without its id, hash or reference is none. Each pass looks only at what no earlier one matched,
 * and takes the first of several in the order of their file. The custodian's records match first, then the journal's.
 *
 * Two records of one file under the same id, or the same hash key, are a duplicate: the first stands, the other one is
 * left out of the matching. */
#ifndef RECONCILE_MATCH_H
#define RECONCILE_MATCH_H

#include "reconcile/records.h"

#define RECORD_NONE UINT32_MAX

enum match_key { MATCH_ID, MATCH_HASH, MATCH_REFERENCE, MATCH_KEY_COUNT };

struct match_group {
	uint32_t side[SIDE_COUNT]; /* index of its record; RECORD_NONE: that source has none */
	unsigned char by;	   /* enum match_key that brought the last side in; MATCH_KEY_COUNT: it stands alone */
};

struct match_duplicate {
	enum side side;
	enum match_key key;
	uint32_t first, second; /* records */
	uint32_t group;		/* of the first one */
	uint32_t number;	/* 1: the first duplicate of it, … */
};

/* Look alike by asset, amount, address and time: for a person to confirm. */
struct match_suggestion {
	uint32_t group, ledger; /* the group without a ledger's record, and the one that is only the ledger's */
};

struct match {
	struct match_group *groups;
	size_t group_count;
	struct match_duplicate *duplicates;
	size_t duplicate_count, duplicate_capacity;
	struct match_suggestion *suggestions;
	size_t suggestion_count, suggestion_capacity;
};

void match_init(struct match *match);
void match_fini(struct match *match);
/* Marks the duplicates among the records and makes a group of each transaction. */
void match_run(struct match *match, struct records *const sides[SIDE_COUNT]);
/* Fills the suggestions. */
void match_suggest(struct match *match, struct records *const sides[SIDE_COUNT], int64_t tolerance_us);

#endif
