/* A secret is not a string: a distinct type that no writer, log or format accepts, cleared when freed. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/slice.h"

struct secret {
	unsigned char *bytes;
	size_t length;
};

struct secret secret_copy(struct slice bytes); /* owns a copy; secret_free */
void secret_free(struct secret *secret);       /* overwrites, frees, leaves it empty */
/* The one way to the bytes; for cryptography only. Borrowed. */
static inline struct slice
secret_reveal(const struct secret *secret)
{
	return (struct slice){(const char *)secret->bytes, secret->length};
}

#endif
