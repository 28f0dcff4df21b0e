/* Randomness. `struct random` is a seeded generator (xoshiro256**, public domain algorithm by Blackman and
 * Vigna): for jitter, simulation and test data, never for keys. random_bytes asks the operating system. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/slice.h"

struct random {
	uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);
/* True `numerator` times of `denominator`. */
bool random_chance(struct random *random, uint64_t numerator, uint64_t denominator);

/* From getrandom(2): fit for keys. Aborts when the system has none. */
void random_bytes(void *out, size_t bytes);

#endif
