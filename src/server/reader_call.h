/* One request of the receiver's API on its way through the reader's thread. Private to reader*.c. */
#ifndef SERVER_READER_CALL_H
#define SERVER_READER_CALL_H

#include "base/id.h"
#include "model/permission.h"
#include "model/scope.h"
#include "server/out.h"
#include "server/query.h"
#include "server/reader.h"

enum { READER_PARAMS_MAX = 2, READER_SEGMENTS_MAX = 6 };

struct reader_call {
	struct mail mail;
	struct http_exchange *exchange; /* the in-loop's alone; NULL: the client left */
	struct reader *reader;
	struct arena arena;
	/* the request */
	struct slice method, path, query_text, authorization, body;
	struct query query;
	struct slice params[READER_PARAMS_MAX];
	size_t param_count;
	struct token token;
	struct scope scope;
	struct wall_time now;
	/* the answer */
	int status;
	struct buf out;
	struct json_writer writer;
	const char *content_type; /* NULL: JSON */
	const char *allow;	  /* of a 405 */
};

typedef void reader_handler(struct reader_call *call);

/* Groups of query parameters. */
enum reader_query {
	READER_QUERY_PAGE = 1,
	READER_QUERY_JOURNAL = 2,
	READER_QUERY_SOURCE = 4,
	READER_QUERY_REFUSED = 8,
	READER_QUERY_TRACK = 16,
	READER_QUERY_ALERTS = 32,
	READER_QUERY_BREAKS = 64,
};

struct reader_route {
	const char *method, *pattern; /* below /api/v1/; `{name}` is a parameter */
	enum permission permission;   /* NONE: open */
	reader_handler *handle;
	const char *operation, *summary; /* of the description */
	const char *input, *output;	 /* names of schemas; input NULL: it takes no body */
	unsigned query;
};

/* reader_routes.c. Fills the call's parameters; NULL: there is none, and `allow` says which method there is. */
const struct reader_route *reader_route_find(struct reader_call *call);
size_t reader_route_count(void);
const struct reader_route *reader_route_at(size_t at);

/* reader.c */
const struct reader_options *reader_options(const struct reader *reader);
/* Asks the read-only store. False: answered. The request stays the caller's. */
MUST_CHECK bool reader_ask(struct reader_call *call, struct store_request *request);
/* Answers that the database cannot be read, and why where that is for the client to know. */
void reader_unavailable(struct reader_call *call, enum error_code code, const struct error *error);
/* Asks the store's thread, and waits for the commit. */
MUST_CHECK enum error_code reader_change(struct reader *reader, struct store_request *request);
struct json_writer *reader_write(struct reader_call *call, int status); /* begins the answer */
void reader_problem(struct reader_call *call, int status, const char *code, const char *format, ...) PRINTF_LIKE(4, 5);
/* A whole number of the query; false: answered. */
MUST_CHECK bool reader_number(struct reader_call *call, const char *name, int64_t min, int64_t max, int64_t *value);

/* reader_journal.c, reader_track.c, reader_alerts.c, reader_metrics.c, reader_breaks.c, reader_openapi.c */
reader_handler reader_journal_list, reader_journal_show, reader_refused, reader_track, reader_track_list, reader_alerts,
    reader_alert_acknowledge, reader_alert_resolve, reader_metrics, reader_breaks, reader_break_show, reader_break_move,
    reader_runs, reader_openapi;

/* redact.c: whether the role may read payloads of this type. */
bool role_may_read(enum role role, struct slice event_type);

#endif
