/* Names to addresses, through c-ares on the loop: no thread, no waiting. Keeps each answer as long as its records live,
 * and at most NAME_CACHE_S; asks for a name once however many want it, and for so many names at a time. Like getaddrinfo
 * it reads the hosts file first and then asks the servers of resolv.conf; it knows no other sources (nsswitch).
 *
 * Answers are given from resolver_turn alone. An answer is not a judgement: whoever connects asks the guard. */
#ifndef TRANSPORT_RESOLVER_H
#define TRANSPORT_RESOLVER_H

#include "base/error.h"
#include "base/loop.h"

#include <netinet/in.h>

enum {
	ADDRESSES_MAX = 8, /* of a name, as many as are tried */
	/* Names that are being asked for at a time; others wait for their turn. */
	RESOLVER_ASKING_MAX = 256,
	RESOLVER_NAMES_MAX = 4096, /* kept; beyond it the oldest go */
	RESOLVER_CACHE_S = 30,
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct addresses {
	size_t count;
	union address items[ADDRESSES_MAX];
};

struct name;

/* Somebody who waits for a name; embedded in the owner. */
struct lookup {
	struct lookup *previous, *next;
	struct name *name; /* NULL: waits for nothing */
};

struct resolver_options {
	struct loop *loop;
	const char *servers; /* "127.0.0.1:5353,…"; NULL: the system's */
	void (*done)(void *context, struct lookup *lookup, const struct addresses *addresses); /* NULL: none */
	void *context;
};

struct resolver;

MUST_CHECK enum error_code resolver_new(
    const struct resolver_options *options, struct resolver **out, struct error *error);
/* The addresses where they are known, valid until the next call. NULL: the lookup is answered by a later turn. */
const struct addresses *resolver_ask(
    struct resolver *resolver, struct slice host, struct lookup *lookup, struct mono_time now);
void resolver_forget(struct lookup *lookup); /* nothing when it waits for nothing */
/* Gives the answers that came and keeps the time. Returns microseconds until it must be called again, or -1. */
int64_t resolver_turn(struct resolver *resolver, struct mono_time now);
void resolver_free(struct resolver *resolver);

#endif
