#include "transport/table.h"

#define FNV_PRIME UINT64_C(0x100000001b3)

uint64_t
table_hash(const struct table *table, struct slice text, uint64_t extra)
{
	uint64_t hash = (table->seed ^ extra) * FNV_PRIME;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		hash = (hash ^ c) * FNV_PRIME;
	}
	/* The upper bits mix best; the buckets are chosen by the lower ones. */
	return hash ^ hash >> 32;
}

static struct table_node *
with_hash(struct table_node *node, uint64_t hash)
{
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

struct table_node *
table_first(const struct table *table, uint64_t hash)
{
	return with_hash(table->buckets[hash % TABLE_BUCKETS], hash);
}

struct table_node *
table_next(const struct table_node *node)
{
	return with_hash(node->next, node->hash);
}

void
table_add(struct table *table, struct table_node *node, uint64_t hash)
{
	struct table_node **bucket = &table->buckets[hash % TABLE_BUCKETS];
	node->hash = hash;
	node->next = *bucket;
	*bucket = node;
	table->count++;
}

void
table_remove(struct table *table, struct table_node *node)
{
	struct table_node **at = &table->buckets[node->hash % TABLE_BUCKETS];
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	table->count--;
}
