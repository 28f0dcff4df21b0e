/* A YAML document as a tree of nodes that know where they stand. Knows nothing of what the document means.
 *
 * Mappings, lists and scalars only: anchors, aliases and tags are refused, since they could make a small file large
 * or hide what it says; so are names that stand twice in a mapping. Private to cli. */
#ifndef CLI_APPLY_YAML_H
#define CLI_APPLY_YAML_H

#include "base/alloc.h"
#include "base/error.h"

enum { YAML_DEPTH_MAX = 70 };

/* Where something stands in the file, counted from 1; line 0: nowhere. */
struct yaml_place {
	size_t line, column;
};

enum yaml_type { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_type type;
	struct yaml_place place;
	bool plain;		 /* a scalar without quotes: `null` and numbers are what they look like */
	struct slice text;	 /* of a scalar */
	struct yaml_node *first; /* of a list its items, of a mapping its names (scalars), in their order */
	struct yaml_node *next;	 /* beside this one */
	struct yaml_node *value; /* of a name */
	size_t count;
};

/* The tree lives in `arena`. `*out` is NULL for an empty document. `file` is for errors only, which read
 * `file:line:column: found …; expected …`. */
MUST_CHECK enum error_code yaml_tree_read(
    const char *file, struct slice text, struct arena *arena, struct yaml_node **out, struct error *error);
/* Whether it is a scalar that says nothing: empty, `~` or `null` without quotes. */
bool yaml_is_null(const struct yaml_node *node);

#endif
