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

/* What follows from a prefix of paths: a node for each step. */
struct act_node {
	struct slice name; /* absent: every one */
	struct act_node *first, *next;
	size_t child_count;
	void *leaf; /* the owner's, where a path ends here */
};

/* The node at which the path ends, made where it is not there. */
struct act_node *act_node_reach(struct arena *arena, struct act_node *root, const struct act_path *path);
/* Whether this step is the member `key` (a string token), or, for arrays, the element `index`. */
bool act_node_is_member(const struct act_node *node, struct json key);
bool act_node_is_element(const struct act_node *node, size_t index);

#endif
