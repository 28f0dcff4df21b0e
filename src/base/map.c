#include "base/map.h"

#include "base/alloc.h"

#include <stdlib.h>

void
map_init(struct map *map)
{
	*map = (struct map){NULL, 0, 0};
}

void
map_fini(struct map *map)
{
	free(map->slots);
	map_init(map);
}

static size_t
home(const struct map *map, int64_t a, int64_t b)
{
	uint64_t x = (uint64_t)a * 0x9e3779b97f4a7c15u ^ (uint64_t)b * 0xc2b2ae3d27d4eb4fu;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	return (size_t)x & (map->capacity - 1);
}

static size_t
find(const struct map *map, int64_t a, int64_t b)
{
	size_t at = home(map, a, b);
	while (map->slots[at].value != MAP_ABSENT && (map->slots[at].a != a || map->slots[at].b != b))
		at = (at + 1) & (map->capacity - 1);
	return at;
}

uint32_t
map_get(const struct map *map, int64_t a, int64_t b)
{
	return map->capacity == 0 ? MAP_ABSENT : map->slots[find(map, a, b)].value;
}

static void
grow(struct map *map)
{
	struct map old = *map;
	map->capacity = old.capacity == 0 ? 16 : old.capacity * 2;
	map->slots = mem_alloc(map->capacity * sizeof map->slots[0]);
	for (size_t i = 0; i < map->capacity; i++)
		map->slots[i].value = MAP_ABSENT;
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slots[i].value != MAP_ABSENT)
			map->slots[find(map, old.slots[i].a, old.slots[i].b)] = old.slots[i];
	free(old.slots);
}

void
map_put(struct map *map, int64_t a, int64_t b, uint32_t value)
{
	ENSURE(value != MAP_ABSENT);
	if (map->count + 1 > map->capacity / 4 * 3)
		grow(map);
	struct map_slot *slot = &map->slots[find(map, a, b)];
	if (slot->value == MAP_ABSENT)
		map->count++;
	*slot = (struct map_slot){a, b, value};
}

void
map_remove(struct map *map, int64_t a, int64_t b)
{
	if (map->capacity == 0)
		return;
	size_t hole = find(map, a, b);
	if (map->slots[hole].value == MAP_ABSENT)
		return;
	map->count--;
	size_t mask = map->capacity - 1;
	for (size_t at = (hole + 1) & mask; map->slots[at].value != MAP_ABSENT; at = (at + 1) & mask) {
		size_t wanted = home(map, map->slots[at].a, map->slots[at].b);
		/* It may move into the hole unless its home lies between the hole and where it stands. */
		if (((at - wanted) & mask) >= ((at - hole) & mask)) {
			map->slots[hole] = map->slots[at];
			hole = at;
		}
	}
	map->slots[hole].value = MAP_ABSENT;
}
