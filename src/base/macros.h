/* Attributes and assertions. No module state, no logic. */
#ifndef BASE_MACROS_H
#define BASE_MACROS_H

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A broken invariant is a programmer's error: it aborts, in every build. */
NORETURN void fatal_at(const char *file, int line, const char *what);
#define ENSURE(condition) ((condition) ? (void)0 : fatal_at(__FILE__, __LINE__, #condition))
#define UNREACHABLE() fatal_at(__FILE__, __LINE__, "unreachable")

#endif
