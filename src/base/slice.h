/* A borrowed run of bytes: never owned, never freed, valid as long as what it points into.
 * Not NUL-terminated. A slice with ptr NULL means "absent" and has length 0; an empty one has ptr not NULL. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *ptr;
	size_t len;
};

struct slice_list {
	struct slice *items;
	size_t count;
};

#define SLICE_NONE ((struct slice){NULL, 0})
/* Of a string literal. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
/* The same where an object with static storage is initialised. */
#define SLICE_STATIC(literal)                                                                                          \
	{                                                                                                              \
		"" literal, sizeof(literal) - 1                                                                        \
	}
/* For printf's "%.*s". */
#define SLICE_ARG(s) (int)(s).len, ((s).ptr ? (s).ptr : "")

static inline struct slice
slice_of(const char *string)
{
	return string == NULL ? SLICE_NONE : (struct slice){string, strlen(string)};
}

static inline bool
slice_present(struct slice s)
{
	return s.ptr != NULL;
}

static inline bool
slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool
slice_is(struct slice a, const char *string)
{
	return slice_equal(a, slice_of(string));
}

static inline bool
slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline struct slice
slice_skip(struct slice s, size_t count)
{
	return count >= s.len ? (struct slice){s.ptr + s.len, 0} : (struct slice){s.ptr + count, s.len - count};
}

static inline bool
slice_list_has(struct slice_list list, struct slice item)
{
	for (size_t i = 0; i < list.count; i++)
		if (slice_equal(list.items[i], item))
			return true;
	return false;
}

/* ASCII letters compare without case (header names, RFC 9110 section 5.1). */
bool slice_equal_nocase(struct slice a, struct slice b);
/* Without leading and trailing spaces and tabs. */
struct slice slice_trim(struct slice s);
/* Cuts `*rest` at the first `separator`: returns what stands before it and moves `*rest` behind it.
 * Without one, returns all and sets `*rest` to SLICE_NONE. */
struct slice slice_cut(struct slice *rest, char separator);
/* A decimal number without sign, leading zeros allowed; false on anything else and beyond INT64_MAX. */
MUST_CHECK bool slice_to_int64(struct slice s, int64_t *out);
/* Which of these names it is. */
MUST_CHECK bool slice_among(struct slice s, const char *const *names, size_t count, size_t *out);
int slice_compare(struct slice a, struct slice b);

#endif
