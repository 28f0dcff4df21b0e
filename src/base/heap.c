#include "base/heap.h"

#include "base/alloc.h"

#include <stdlib.h>

static bool
before(const struct heap_entry *a, const struct heap_entry *b)
{
	return a->key != b->key ? a->key < b->key : a->tie < b->tie;
}

void
heap_push(struct heap *heap, struct heap_entry entry)
{
	if (heap->count == heap->capacity) {
		heap->capacity = heap->capacity == 0 ? 64 : heap->capacity * 2;
		heap->entries = mem_resize(heap->entries, heap->capacity, sizeof heap->entries[0]);
	}
	size_t at = heap->count++;
	while (at > 0 && before(&entry, &heap->entries[(at - 1) / 2])) {
		heap->entries[at] = heap->entries[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->entries[at] = entry;
}

const struct heap_entry *
heap_top(const struct heap *heap)
{
	return heap->count == 0 ? NULL : &heap->entries[0];
}

void
heap_pop(struct heap *heap)
{
	ENSURE(heap->count > 0);
	struct heap_entry last = heap->entries[--heap->count];
	size_t at = 0;
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && before(&heap->entries[child + 1], &heap->entries[child]))
			child++;
		if (!before(&heap->entries[child], &last))
			break;
		heap->entries[at] = heap->entries[child];
		at = child;
	}
	if (heap->count > 0)
		heap->entries[at] = last;
}

void
heap_fini(struct heap *heap)
{
	free(heap->entries);
	*heap = (struct heap){NULL, 0, 0};
}
