/* Reading one value of a file: from a node to canonical JSON, or a line that says where, what was found and what was
 * expected. Private to the files apply_*.c. */
#ifndef CLI_APPLY_VALUE_H
#define CLI_APPLY_VALUE_H

#include "cli/apply.h"

struct apply_reader {
	const char *file;
	struct arena *arena; /* results live here */
	struct error *error;
};

enum { FOUND_BYTES = 64 };

/* What a node is, in a few words for an error; of a text its beginning. */
const char *apply_found(const struct yaml_node *node, char out[static FOUND_BYTES]);

/* `{env: NAME}` or `{file: PATH}`, and the same as JSON. */
bool apply_node_is_reference(const struct yaml_node *node);
void apply_write_reference(const struct yaml_node *node, struct buf *out);

/* apply_protect.c */
MUST_CHECK enum error_code apply_authentication_read(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out);
MUST_CHECK enum error_code apply_governance_read(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out);

MUST_CHECK enum error_code apply_value_read(struct apply_reader *reader, enum apply_kind kind,
    const struct apply_member *member, const struct yaml_node *node, struct slice *out);
MUST_CHECK enum error_code apply_item_read(
    struct apply_reader *reader, enum apply_kind kind, const struct yaml_node *node, struct apply_item *out);

#endif
