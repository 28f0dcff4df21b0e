#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The first block is small: many arenas hold little more than a few names, and tens of thousands of them may wait in
 * memory. What is larger than a first block gets one of its own size. */
enum { ARENA_FIRST_BYTES = 512 - 64, ARENA_BLOCK_BYTES = 4096 - 64, ARENA_ALIGN = 16 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(ARENA_ALIGN) char bytes[];
};

static void *
checked(void *memory)
{
	if (memory == NULL)
		fatal_at(__FILE__, __LINE__, "out of memory");
	return memory;
}

void *
mem_alloc(size_t bytes)
{
	return checked(malloc(bytes == 0 ? 1 : bytes));
}

void *
mem_zero(size_t count, size_t bytes)
{
	return checked(calloc(count == 0 ? 1 : count, bytes == 0 ? 1 : bytes));
}

void *
mem_resize(void *old, size_t count, size_t bytes)
{
	return checked(reallocarray(old, count == 0 ? 1 : count, bytes));
}

char *
mem_string(struct slice s)
{
	char *copy = mem_alloc(s.len + 1);
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

static void *
arena_raw(struct arena *arena, size_t bytes)
{
	size_t rounded = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	struct arena_block *block = arena->blocks;
	if (block == NULL || block->size - block->used < rounded) {
		size_t usual = block == NULL ? ARENA_FIRST_BYTES : ARENA_BLOCK_BYTES;
		size_t size = rounded > ARENA_FIRST_BYTES ? rounded : usual;
		struct arena_block *fresh = mem_alloc(sizeof *fresh + size);
		fresh->used = 0;
		fresh->size = size;
		if (block != NULL && size == rounded) {
			/* A large one of its own goes behind the block in use, which keeps its free end. */
			fresh->next = block->next;
			block->next = fresh;
		} else {
			fresh->next = block;
			arena->blocks = fresh;
		}
		block = fresh;
	}
	void *memory = block->bytes + block->used;
	block->used += rounded;
	arena->used += rounded;
	return memory;
}

void *
arena_alloc(struct arena *arena, size_t bytes)
{
	void *memory = arena_raw(arena, bytes);
	memset(memory, 0, bytes);
	return memory;
}

struct slice
arena_copy(struct arena *arena, struct slice s)
{
	if (!slice_present(s))
		return SLICE_NONE;
	char *copy = arena_raw(arena, s.len + 1);
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return (struct slice){copy, s.len};
}

char *
arena_string(struct arena *arena, struct slice s)
{
	char *copy = arena_raw(arena, s.len + 1);
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

struct slice
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	/* Mostly it fits where the next allocation goes, and is written once. */
	struct arena_block *block = arena->blocks;
	size_t room = block == NULL ? 0 : block->size - block->used;
	char *there = block == NULL ? NULL : block->bytes + block->used;
	int length = vsnprintf(there, room, format, args);
	va_end(args);
	ENSURE(length >= 0);
	char *text = arena_raw(arena, (size_t)length + 1);
	if ((size_t)length >= room)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return (struct slice){text, (size_t)length};
}

struct slice
arena_join(struct arena *arena, const struct slice *parts, size_t count)
{
	size_t length = 0;
	for (size_t i = 0; i < count; i++)
		length += parts[i].len;
	char *text = arena_raw(arena, length + 1), *at = text;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len > 0)
			memcpy(at, parts[i].ptr, parts[i].len);
		at += parts[i].len;
	}
	*at = '\0';
	return (struct slice){text, length};
}

struct slice_list
arena_list(struct arena *arena, struct slice_list list)
{
	struct slice_list copy = {arena_alloc(arena, list.count * sizeof list.items[0]), list.count};
	for (size_t i = 0; i < list.count; i++)
		copy.items[i] = arena_copy(arena, list.items[i]);
	return copy;
}

void
arena_free(struct arena *arena)
{
	struct arena_block *block = arena->blocks;
	while (block != NULL) {
		struct arena_block *next = block->next;
		free(block);
		block = next;
	}
	*arena = ARENA_EMPTY;
}

void
arena_reset(struct arena *arena)
{
	struct arena_block *kept = NULL;
	struct arena_block *block = arena->blocks;
	while (block != NULL) {
		struct arena_block *next = block->next;
		if (kept == NULL &&
		    (block->size == ARENA_BLOCK_BYTES || (next == NULL && block->size == ARENA_FIRST_BYTES)))
			kept = block;
		else
			free(block);
		block = next;
	}
	if (kept != NULL) {
		kept->next = NULL;
		kept->used = 0;
	}
	*arena = (struct arena){kept, 0};
}
