/* Memory. Out of memory aborts: everything acknowledged is in the store, so a restart is the recovery.
 * (What a peer can make large is bounded by limits.h before it gets here.) */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include "base/slice.h"

void *mem_alloc(size_t bytes);		    /* not cleared */
void *mem_zero(size_t count, size_t bytes); /* cleared */
void *mem_resize(void *old, size_t count, size_t bytes);
char *mem_string(struct slice s); /* NUL-terminated copy; free() it */

/* An arena: many small allocations with one lifetime (a request, an attempt). Freed as a whole.
 * Pointers stay valid until arena_free. */
struct arena {
	struct arena_block *blocks;
	size_t used; /* bytes given out, for limits */
};

#define ARENA_EMPTY ((struct arena){NULL, 0})

void *arena_alloc(struct arena *arena, size_t bytes);	      /* cleared, aligned for anything */
struct slice arena_copy(struct arena *arena, struct slice s); /* absent stays absent; a NUL follows the copy */
char *arena_string(struct arena *arena, struct slice s);
struct slice arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
/* One text of several; absent parts are empty. */
struct slice arena_join(struct arena *arena, const struct slice *parts, size_t count);
#define ARENA_JOIN(arena, ...)                                                                                         \
	arena_join(arena, (const struct slice[]){__VA_ARGS__}, COUNT_OF(((const struct slice[]){__VA_ARGS__})))
struct slice_list arena_list(struct arena *arena, struct slice_list list); /* deep copy */
void arena_free(struct arena *arena);					   /* and leaves it empty, ready for use */
/* Frees what was given out but keeps one block for the next use. */
void arena_reset(struct arena *arena);

#endif
