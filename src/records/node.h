/* A YAML document as a tree of nodes that know their lines: what a mapping file is read from.
 *
 * Everything lives in the caller's arena. Anchors, aliases and tags are refused, since they could make a small file large;
 * so are keys that stand twice in one mapping. */
#ifndef RECORDS_NODE_H
#define RECORDS_NODE_H

#include "base/buf.h"
#include "base/error.h"

enum node_kind { NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

struct node {
	enum node_kind kind;
	size_t line;
	struct slice key;  /* of a mapping's member; absent elsewhere */
	struct slice text; /* of a scalar; ends with a NUL */
	bool plain;	   /* written without quotes: may be a number, true, false or null */
	struct node *items;
	size_t count;
};

/* `name` is the file's, for errors. */
MUST_CHECK enum error_code node_read(
    struct arena *arena, const char *name, struct slice text, struct node *out, struct error *error);
/* The member of a mapping; NULL when there is none. */
const struct node *node_member(const struct node *mapping, const char *name);
/* JSON of the node: plain scalars that JSON has too are what they say, others are strings. */
void node_json(const struct node *node, struct buf *out);
/* "FILE:LINE: expected WHAT". */
enum error_code node_refuse(const struct node *node, const char *file, struct error *error, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
