/* Redaction: a body without the members that a destination must not see. Pure; the same body gives the same bytes.
 *
 * Invariants
 * 1. A member that is there twice is taken out twice.
 * 2. What is not JSON cannot be redacted, and is not passed on.
 * 3. All that is left stands as it stood, byte for byte, but for white space inside the containers that a path leads to. */
#ifndef ACT_REDACT_H
#define ACT_REDACT_H

#include "act/path.h"
#include "base/error.h"

enum act_redaction { ACT_REMOVE, ACT_MASK };

struct act_redactions {
	struct act_node root; /* each leaf says what is done */
	size_t count;
};

/* False when there are too many, or when one path is given both ways. */
MUST_CHECK bool act_redact_add(
    struct arena *arena, struct act_redactions *redactions, const struct act_path *path, enum act_redaction redaction);
/* Appends to `out`, whose maximum the body's length must allow twice. ERR_INVALID: it is not JSON. */
MUST_CHECK enum error_code act_redact(const struct act_redactions *redactions, struct slice body, struct buf *out);

#endif
