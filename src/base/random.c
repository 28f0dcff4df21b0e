#include "base/random.h"

#include <sys/random.h>

static uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

void
random_seed(struct random *random, uint64_t seed)
{
	for (size_t i = 0; i < 4; i++) {
		seed += 0x9e3779b97f4a7c15u;
		uint64_t x = seed;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		x = (x ^ x >> 27) * 0x94d049bb133111ebu;
		random->state[i] = x ^ x >> 31;
	}
}

uint64_t
random_next(struct random *random)
{
	uint64_t *s = random->state;
	uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t
random_below(struct random *random, uint64_t bound)
{
	ENSURE(bound > 0);
	/* Rejects the short last cycle, so that no value is more likely than another. */
	uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
	uint64_t value;
	do
		value = random_next(random);
	while (value >= limit);
	return value % bound;
}

bool
random_chance(struct random *random, uint64_t numerator, uint64_t denominator)
{
	return random_below(random, denominator) < numerator;
}

void
random_bytes(void *out, size_t bytes)
{
	char *at = out;
	while (bytes > 0) {
		ssize_t got = getrandom(at, bytes, 0);
		if (got < 0)
			fatal_at(__FILE__, __LINE__, "getrandom failed");
		at += got;
		bytes -= (size_t)got;
	}
}
