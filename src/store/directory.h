/* The directory: all configuration (organisations, endpoints, event types) in memory, for the SQLite store.
 *
 * It is what the accepting transaction matches against without a query. The database is the truth: the directory
 * is loaded at open, changed together with the rows, and loaded anew when a batch did not commit. */
#ifndef STORE_DIRECTORY_H
#define STORE_DIRECTORY_H

#include "base/map.h"
#include "model/model.h"

struct directory_endpoint {
	struct endpoint endpoint; /* its slices live in arena */
	struct arena arena;
	int64_t sequence;      /* last one given */
	bool sequence_changed; /* since it was saved */
};

struct directory_organisation {
	struct organisation organisation;
	struct arena arena;
	bool deleted;
	struct directory_endpoint **endpoints; /* by rising id, deleted ones included */
	size_t endpoint_count;
};

struct directory_event_type {
	struct event_type type;
	struct arena arena;
};

struct directory {
	struct directory_organisation **organisations; /* by rising id */
	size_t organisation_count;
	struct map by_id;		 /* (organisation id, 0) → index */
	struct map by_uid;		 /* (hash of uid, 0) → index; a hint, always checked */
	struct directory_endpoint **all; /* every endpoint */
	size_t all_count;
	struct map by_endpoint; /* (endpoint id, 0) → index in all */
	/* Those whose `sequence_changed`. */
	struct directory_endpoint **numbered;
	size_t numbered_count;
	struct directory_event_type **types; /* by name */
	size_t type_count;
};

void directory_init(struct directory *directory);
void directory_fini(struct directory *directory);

/* All take deep copies; `put` adds or replaces by id (by name for types). */
struct directory_organisation *directory_put_organisation(
    struct directory *directory, const struct organisation *organisation, bool deleted);
struct directory_endpoint *directory_put_endpoint(struct directory *directory, const struct endpoint *endpoint);
void directory_put_type(struct directory *directory, const struct event_type *type);
void directory_remove_type(struct directory *directory, struct slice name);

/* The next number of the endpoint's gap-free sequence. */
int64_t directory_number(struct directory *directory, struct directory_endpoint *endpoint);
/* It has come to `sequence` at least, and that is still to be saved. */
void directory_numbered(struct directory *directory, struct directory_endpoint *endpoint, int64_t sequence);

/* By id text or uid; NULL when there is none (deleted ones are not found). */
struct directory_organisation *directory_organisation(struct directory *directory, struct slice ref);
struct directory_organisation *directory_organisation_by_id(struct directory *directory, struct organisation_id id);
struct directory_endpoint *directory_endpoint(struct directory_organisation *organisation, struct slice ref);
struct directory_endpoint *directory_endpoint_by_id(
    struct directory *directory, struct endpoint_id id); /* deleted too */
struct directory_event_type *directory_type(struct directory *directory, struct slice name);
/* Index of the first type whose name is not before `name`. */
size_t directory_type_position(const struct directory *directory, struct slice name);

#endif
