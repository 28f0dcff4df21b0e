/* Exact integers of any size, for amounts in base units: their canonical text, and sums. No floating point. */
#ifndef RECONCILE_AMOUNT_H
#define RECONCILE_AMOUNT_H

#include "base/alloc.h"

/* The canonical text of an integer: no plus, no leading zeros, no minus on zero. Borrows from `text`, or from `arena`
 * where a sign stands before zeros. Absent when it is no integer. */
struct slice amount_canonical(struct slice text, struct arena *arena);

/* A sum. Little-endian limbs of eighteen decimal digits with one sign; owns its memory. */
struct amount {
	uint64_t *limbs;
	size_t count, capacity;
	bool negative;
};

#define AMOUNT_ZERO ((struct amount){0})

void amount_fini(struct amount *sum);
/* Adds a canonical integer, or with `minus` takes it away. */
void amount_add(struct amount *sum, struct slice canonical, bool minus);
struct slice amount_text(const struct amount *sum, struct arena *arena);

#endif
