/* What is wrong with an input: a list in the wire contract's shape, so that a caller learns of all faults at once. */
#ifndef SERVER_CHECK_H
#define SERVER_CHECK_H

#include "base/alloc.h"
#include "json/json.h"

enum { CHECK_ITEMS_MAX = 16, CHECK_DEPTH_MAX = 3 };

#define CHECK_VALUE "value_error"	      /* the right type, a wrong value */
#define CHECK_DECODE "value_error.jsondecode" /* not JSON, a wrong type, or missing */

struct check_item {
	const char *type;
	const char *loc[CHECK_DEPTH_MAX];
	struct slice message;
};

struct check {
	struct arena *arena;
	const char *root;	  /* "body", "query", "path", "header" */
	const char *within;	  /* the member whose members are looked at; NULL: the root's own */
	struct check_item *items; /* of the arena, from the first fault on: most inputs have none */
	size_t count;		  /* of faults; those beyond CHECK_ITEMS_MAX are counted, not kept */
};

void check_init(struct check *check, struct arena *arena, const char *root);
/* `member` as the caller wrote it; NULL: the whole. The message is a sentence and never repeats a value. */
void check_fail(struct check *check, const char *type, const char *member, const char *format, ...) PRINTF_LIKE(4, 5);
void check_write(const struct check *check, struct json_writer *writer);

#endif
