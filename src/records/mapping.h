/* A mapping file: how somebody's list API is asked, and which of its members is which of ours (docs/reconciliation.md).
 *
 * Read and checked whole before the first request: an error names file and line, and what was expected. Immutable. */
#ifndef RECORDS_MAPPING_H
#define RECORDS_MAPPING_H

#include "reconcile/records.h"
#include "sign/sign.h"

enum { MAPPING_STEPS_MAX = 16, MAPPING_LISTS_MAX = 8, MAPPING_MEMBERS_MAX = 64, MAPPING_HEADERS_MAX = 16 };

/* "data.items[0].id": names, and places in arrays. Without steps: the value itself. */
struct mapping_path {
	struct slice text; /* absent: not given */
	struct {
		const char *name; /* NULL: `index` */
		size_t index;
	} steps[MAPPING_STEPS_MAX];
	size_t count;
};

enum mapping_unit { UNIT_TEXT, UNIT_SECONDS, UNIT_MILLISECONDS, UNIT_DECIMAL };

struct mapping_word {
	struct slice from, to;
};

/* Where one member of a record comes from. */
struct mapping_member {
	struct slice name;
	enum member member; /* MEMBER_OTHER: kept and shown under its name */
	struct mapping_path path;
	struct slice constant;	/* instead of a path; absent: none */
	struct slice missing;	/* what stands for an absent value or null; absent: unknown */
	struct slice otherwise; /* for a value that `words` does not have; absent: that is an error */
	struct mapping_word *words;
	size_t word_count;
	enum mapping_unit unit;
	int decimals; /* UNIT_DECIMAL: of the asset; -1: as decimals_path says */
	struct mapping_path decimals_path;
	size_t line;
};

enum mapping_paging { PAGING_NONE, PAGING_CURSOR, PAGING_OFFSET, PAGING_LINK, PAGING_URL };

/* One request, or one after another for as long as there are pages. */
struct mapping_list {
	struct slice method, path; /* path: added to the source's URL */
	struct slice query;	   /* GraphQL; absent: none */
	struct slice body;	   /* a JSON object: the body, or the variables of the query; absent: none */
	struct mapping_path items; /* the array; of the look-up: the one object */
	enum mapping_paging paging;
	struct mapping_path next; /* CURSOR, URL: where the answer says what comes next */
	struct mapping_path done; /* where the answer says true when there is no next page, whatever `next` says */
	struct slice parameter;	  /* CURSOR, OFFSET: which parameter of the query, or member of the body, says it */
	struct slice size_parameter;
	int64_t size; /* OFFSET: of a page */
	struct mapping_member *members;
	size_t member_count;
	size_t line;
};

struct mapping {
	const char *file;
	struct http_header headers[MAPPING_HEADERS_MAX]; /* "${token}" stands for the token */
	size_t header_count;
	int64_t timeout_ms;
	double rate; /* requests a second; 0: as fast as they are answered */
	int64_t retries;
	struct mapping_list *lists;
	size_t list_count;
	struct mapping_list lookup; /* of one transaction, "${id}" in its path or body; line 0: none */
};

MUST_CHECK enum error_code mapping_read(
    struct arena *arena, const char *file, struct slice text, struct mapping *out, struct error *error);
/* The platform's GraphQL API, for sources that have no file of their own. */
extern const char mapping_platform[];

#endif
