/* A binary heap of (key, tie, item): the smallest key first, then the smallest tie.
 * Entries are small and copied; the owner marks stale ones by a generation and skips them when they come up. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_entry {
	int64_t key, tie;
	uint32_t item, generation;
};

struct heap {
	struct heap_entry *entries;
	size_t count, capacity;
};

void heap_push(struct heap *heap, struct heap_entry entry);
const struct heap_entry *heap_top(const struct heap *heap); /* NULL when empty */
void heap_pop(struct heap *heap);
void heap_fini(struct heap *heap);

#endif
