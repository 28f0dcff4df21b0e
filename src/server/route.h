/* A route: one row of the table from which requests are dispatched, 405 and `allow` are answered and the interface's
 * description is made (openapi.c). */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H

#include "base/buf.h"
#include "model/permission.h"

struct call;

typedef void call_handler(struct call *call);

/* Whose tokens may. Organisation: the platform, or the organisation that the path names. */
enum access { ACCESS_OPEN, ACCESS_ANY, ACCESS_ORGANISATION, ACCESS_PLATFORM };

enum route_flags {
	ROUTE_MANAGEMENT = 1,	  /* the organisation is the management one: the path does not name it */
	ROUTE_LIST = 2,		  /* the output is a page of such objects */
	ROUTE_INPUT_OPTIONAL = 4, /* the body may be left out */
	ROUTE_GOVERNED = 8,	  /* may wait for a second person: 202 with the change request */
};

/* Groups of query parameters. */
enum route_query {
	QUERY_PAGE = 1,
	QUERY_ORDER = 2,
	QUERY_TIMES = 4,
	QUERY_CONTENT = 8,
	QUERY_STATUS = 16,
	QUERY_TYPES = 32,
	QUERY_CHANNEL = 64,
	QUERY_ENDPOINT = 128,
	QUERY_ARCHIVED = 256,
	QUERY_EXPUNGE = 512,
	QUERY_GET_IF_EXISTS = 1024,
	QUERY_RANGE = 2048,
	QUERY_TASK = 4096,
	QUERY_FEED = 8192,
	QUERY_DIGEST = 32768,
	QUERY_CHANGE = 16384,
	QUERY_OWNERS = 65536,
	QUERY_MESSAGES = QUERY_PAGE | QUERY_TIMES | QUERY_CONTENT | QUERY_TYPES | QUERY_CHANNEL,
	QUERY_ATTEMPTS = QUERY_MESSAGES | QUERY_STATUS,
};

struct route {
	const char *method;
	const char *pattern; /* below the root; `{name}` is a parameter */
	enum access access;
	enum permission permission; /* NONE on open routes only: nobody has it */
	call_handler *handle;
	const char *operation; /* its id in the description */
	const char *summary;
	const char *input, *output; /* names of schemas; NULL: none */
	int status, other_status;   /* of success; 0: there is no other one */
	unsigned flags, query;
};

/* NULL: none; then `allow` tells the methods of that path, empty when there is no such path. */
const struct route *route_find(struct slice method, const struct slice *segments, size_t count, struct buf *allow);
/* The routes outside the root. */
const struct route *route_outside(struct slice method, struct slice path);
size_t route_count(void);
const struct route *route_at(size_t at);
static inline bool
route_parameter(struct slice part)
{
	return part.len > 0 && part.ptr[0] == '{';
}

#endif
