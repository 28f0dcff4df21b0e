/* What a manifest says of each event type, held against the journal. */
#ifndef APP_MANIFEST_TYPES_H
#define APP_MANIFEST_TYPES_H

#include "app/background.h"
#include "json/json.h"
#include "store/digest.h"

enum { MANIFEST_TYPES_MAX = 512 };

/* A digest over the events of one type, in the order of their ids, which is that of their numbers. */
struct manifest_line {
	struct slice type;
	struct digest_node node;
};

struct manifest_lines {
	struct manifest_line items[MANIFEST_TYPES_MAX];
	size_t count;
	bool untyped; /* of the journal: there are events whose body says no type, so types cannot be compared */
	struct arena arena;
};

struct manifest_lines *manifest_lines_new(void);
void manifest_lines_free(struct manifest_lines *lines); /* NULL is fine */
/* From the member `types` of a manifest. False: it is none. */
MUST_CHECK bool manifest_lines_read(struct manifest_lines *lines, struct json types, int64_t from);
/* From the journal's events of this source whose ids are of [from, to) seconds; all must be over. */
MUST_CHECK enum error_code manifest_lines_count(struct manifest_lines *lines, struct background *background,
    struct slice source, int64_t from, int64_t to, struct error *error);
int64_t manifest_lines_total(const struct manifest_lines *lines);
/* What differs, as text: "wallet.created: 3 sent, 2 received", a few of them; empty: nothing. */
struct slice manifest_lines_differ(
    const struct manifest_lines *sent, const struct manifest_lines *received, struct arena *arena);

#endif
