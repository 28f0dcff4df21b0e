/* Paths to members of a JSON document, and trees of them.
 *
 * A path is written with dots (`data.amount_base_units`), or as a JSON Pointer (RFC 6901, `/data/a.b`) where a name holds
 * a dot. A step is a member's name, the number of an element, or `*` for every member or element. */
#ifndef ACT_PATH_H
#define ACT_PATH_H

#include "base/limits.h"
#include "json/json.h"

struct act_path {
	struct slice steps[LIMIT_MEMBER_STEPS]; /* absent: every one */
	size_t count;
};

/* False when it is none: empty, an empty step, too many of them, a broken escape. */
MUST_CHECK bool act_path_parse(struct arena *arena, struct slice text, struct act_path *out);

enum { ACT_NODE_BUCKETS = 64 };

/* What follows from a prefix of paths: a node for each step. Steps are found by their hash, so that a body costs what its
 * length costs, whatever the number of paths. */
struct act_node {
	struct slice name; /* absent: every one */
	size_t place;	   /* among the named ones of its parent */
	struct act_node *next;
	struct act_node *every;	 /* below: the one for every member or element; NULL: none */
	struct act_node **named; /* below: buckets; NULL: there are none */
	size_t named_count;
	void *leaf; /* the owner's, where a path ends here */
};

static inline bool
act_node_has_more(const struct act_node *node)
{
	return node->every != NULL || node->named_count > 0;
}

/* The node at which the path ends, made where it is not there. */
struct act_node *act_node_reach(struct arena *arena, struct act_node *root, const struct act_path *path);
/* The named step below; NULL: there is none. */
const struct act_node *act_node_find(const struct act_node *node, struct slice name);
/* What a member is called (`key`: its string token), with escapes resolved in `arena` where there are any; absent where it
 * is too long for any path. */
struct slice act_key_text(struct arena *arena, struct json key);

enum { ACT_INDEX_BYTES = 24 };
/* An element's number as a step. */
struct slice act_index_text(size_t index, char out[static ACT_INDEX_BYTES]);

#endif
