/* Redaction: members of a payload that a role does not see.
 *
 * What it is: paths, and a copy of a payload with the values at those paths replaced. What it is not: who may read a type
 * at all (server/redact.c), or a filter of what is delivered.
 *
 * A path names members from the payload's root, separated by dots: `data.amount`. `*` stands for any one name, `**` for
 * any number of levels: `**.complianceInfo`. Arrays are looked into and have no level of their own.
 *
 * Invariants
 * 1. Every byte outside a replaced value stays as it is: same order, same numbers, same white space.
 * 2. A value that is replaced becomes the string "[redacted]", so that it is not taken for zero or missing. */
#ifndef MODEL_REDACTION_H
#define MODEL_REDACTION_H

#include "model/model.h"

MUST_CHECK bool redaction_path_valid(struct slice path);
/* Of an organisation's `redactions` ({role: [path, …]}; absent: none), those of this role. */
struct slice_list redaction_paths(struct slice redactions, enum role role, struct arena *arena);
/* The same, and what nobody sees who may not read compliance information (M7). */
struct slice_list redaction_of(struct slice redactions, enum role role, struct arena *arena);
/* The payload (absent or no JSON: itself) without what the paths name. */
struct slice redaction_apply(struct slice payload, struct slice_list paths, struct arena *arena);

#endif
