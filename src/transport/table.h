/* A hash table by text, for nodes embedded in their owners. Of fixed size, for some thousands of entries; the hash is
 * seeded, so that nobody outside can choose names that meet in one place. */
#ifndef TRANSPORT_TABLE_H
#define TRANSPORT_TABLE_H

#include "base/slice.h"

enum { TABLE_BUCKETS = 2048 };

struct table_node {
	struct table_node *next;
	uint64_t hash;
};

struct table {
	uint64_t seed;
	size_t count;
	struct table_node *buckets[TABLE_BUCKETS];
};

/* Without regard to the case of ASCII letters; `extra` distinguishes things of one text. */
uint64_t table_hash(const struct table *table, struct slice text, uint64_t extra);
/* The first node of a hash, or the one after `node`; the owner compares what the hash cannot. */
struct table_node *table_first(const struct table *table, uint64_t hash);
struct table_node *table_next(const struct table_node *node);
void table_add(struct table *table, struct table_node *node, uint64_t hash);
void table_remove(struct table *table, struct table_node *node);

#endif
