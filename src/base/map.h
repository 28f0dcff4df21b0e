/* A hash map from a pair of 64-bit integers to a 32-bit value (an index into the owner's array).
 * Open addressing, linear probing, backward-shift deletion; grows at three quarters full. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_ABSENT UINT32_MAX

struct map_slot {
	int64_t a, b;
	uint32_t value; /* MAP_ABSENT: free */
};

struct map {
	struct map_slot *slots;
	size_t capacity, count;
};

void map_init(struct map *map);
void map_fini(struct map *map);
uint32_t map_get(const struct map *map, int64_t a, int64_t b);	     /* MAP_ABSENT when not there */
void map_put(struct map *map, int64_t a, int64_t b, uint32_t value); /* adds or replaces */
void map_remove(struct map *map, int64_t a, int64_t b);		     /* nothing when not there */

#endif
