/* The query string: names and values, decoded once; unknown names are ignored. */
#ifndef SERVER_QUERY_H
#define SERVER_QUERY_H

#include "server/check.h"
#include "store/store.h"

enum { QUERY_ITEMS_MAX = 64 };

struct query_item {
	struct slice name, value;
};

struct query {
	struct query_item *items;
	size_t count;
};

/* What cannot be read at all is ERR_INVALID (400 in the contract); what can be read and is out of range is a
 * fault in `check` (422). */
MUST_CHECK enum error_code query_parse(struct slice text, struct arena *arena, struct query *out, struct error *error);
struct slice query_get(const struct query *query, const char *name); /* absent when not there; the last one counts */
MUST_CHECK enum error_code query_bool(
    const struct query *query, const char *name, bool *value, struct error *error); /* unchanged when absent */
MUST_CHECK enum error_code query_integer(
    const struct query *query, const char *name, int64_t *value, struct error *error);
MUST_CHECK enum error_code query_time(
    const struct query *query, const char *name, struct wall_time *value, struct error *error);
/* `name=a,b`, `name[]=a`, `name[0]=a`, repeated and mixed. */
struct slice_list query_list(const struct query *query, const char *name, struct arena *arena);

/* Where a list begins. `backwards`: the rows come in the other order and are to be turned round. */
struct list_page {
	struct store_page page;
	enum id_kind kind; /* of its iterators */
	bool backwards;
};

/* limit, iterator, order (where `ordered`), before and after (where `timed`: bounds on ids). */
struct page_rules {
	enum id_kind kind;
	bool named;	 /* the iterator is a name, not an id */
	bool descending; /* by default */
	bool ordered, timed;
};
MUST_CHECK enum error_code query_page(const struct query *query, const struct page_rules *rules, struct arena *arena,
    struct check *check, struct list_page *out, struct error *error);

#endif
