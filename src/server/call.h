/* A call: one request on its way through routing, authentication, the store and the answer.
 *
 * It lives in its exchange's arena. What the store works on lives in the store request's arena instead, because a
 * client may leave while the store is at work: then the request's owner is cleared and its reply is dropped. */
#ifndef SERVER_CALL_H
#define SERVER_CALL_H

#include "model/permission.h"
#include "server/api.h"
#include "server/auth.h"
#include "server/check.h"
#include "server/out.h"
#include "server/query.h"
#include "server/route.h"

enum { CALL_PARAMS_MAX = 4, CALL_SEGMENTS_MAX = 8 };

struct call;

typedef void call_finish(struct call *call, struct store_request *request);

struct api {
	struct api_options options;
	struct mail_list gathered;
	struct auth_cache auth;
	struct buf out; /* the answer being written */
	struct pressure pressure;
	int64_t accepting_bytes; /* of payloads that wait for their commit */
	/* The public keys as last written: anyone may ask for them, and opening many keys takes long. */
	struct buf jwks;
	struct wall_time jwks_written; /* 0: not, or changed since */
	struct buf openapi;	       /* written once, when it is first asked for */
	bool stepping;		       /* a step of a task is at the store */
	bool changing;		       /* as is a step of change requests */
	struct wall_time change_due;   /* the next one; 0: not known yet */
	struct wall_time step_failed;  /* when the last one could not be committed; 0: it was */
	uint64_t accepted;	       /* events */
	uint64_t answers[6];	       /* by the first digit of the status */
};

struct call {
	struct api *api;
	struct http_exchange *exchange;
	const struct route *route;
	struct slice params[CALL_PARAMS_MAX]; /* decoded */
	size_t param_count;
	struct query query;
	struct token token;
	struct wall_time now;
	struct store_request *pending; /* at the store */
	call_finish *finish;
	struct list_page list;
	bool with_content;
	bool empty_list;     /* the filter fits nothing, but whether the things named exist is still to be told */
	const char *invalid; /* the member to blame when an edit refuses */
	void *context;	     /* of a handler that asks the store more than once; in the exchange's arena */
	struct json_writer writer;
	struct check check;
};

/* A store request of this call, with `ref` and, from the path, endpoint_ref or message_ref left to the handler. */
struct store_request *call_request(struct call *call, enum store_kind kind);
/* A POST that changes something: takes the client's idempotency key. */
void call_idempotent(struct call *call, struct store_request *request);
/* The same, of a call that makes several things: each is told by a name of its own. */
void call_idempotent_part(struct call *call, struct store_request *request, struct slice part);
void call_submit(struct call *call, struct store_request *request, call_finish *finish);

/* Whether there is room for a new event; false: answered already. */
MUST_CHECK bool call_admitted(struct call *call);
/* The body as an object; false: answered already. */
MUST_CHECK bool call_body(struct call *call, struct json *out);
/* False when faults were found: answered 422 and the request, if any, freed. */
MUST_CHECK bool call_checked(struct call *call, struct store_request *request);
/* As call_body; an empty body is an empty object. */
MUST_CHECK bool call_body_optional(struct call *call, struct json *out);
/* Reads the page; false: answered already. */
MUST_CHECK bool call_page(struct call *call, const struct page_rules *rules, struct store_request *request);
/* A flag of the query; false: answered already. */
MUST_CHECK bool call_flag(struct call *call, const char *name, bool *value);

/* How much of an event of this type the token's role may see. */
enum content call_content(const struct call *call, struct slice event_type);
/* The same of what an endpoint answered. `request` is one that read messages, attempts or deliveries. */
enum content call_answer_content(
    const struct call *call, const struct store_request *request, const struct attempt *attempt);
/* The message without the members that the token's role may not see: itself, or a copy in the exchange's arena. Every
 * payload that is shown goes through here. */
const struct message *call_message(
    const struct call *call, const struct store_request *request, const struct message *message);

/* Answers. After one of these the exchange is gone. */
struct json_writer *call_write(struct call *call); /* begins an answer; call_end sends it */
void call_end(struct call *call, int status);
void call_answer(struct call *call, int status, struct slice body);
void call_problem(struct call *call, int status, const char *code, const char *format, ...) PRINTF_LIKE(4, 5);
void call_faults(struct call *call); /* 422 with what `check` holds */
/* False when the store refused, or keeps the change for a second person to approve: answered. */
MUST_CHECK bool call_succeeded(struct call *call, struct store_request *request);
/* Where there is nothing to show: 204, once the store has done it. */
void call_end_empty(struct call *call, struct store_request *request);

/* Whether it was kept for a second person to approve, instead of being done. Where the contract has an answer of its own
 * shape, the handler writes that and ends it with the other one: 202, with the change's id in a header. */
bool call_held(const struct store_request *request);
void call_end_held(struct call *call, const struct store_request *request);

/* Rows of a list answer: `{data, iterator, prevIterator, done}`. */
struct rows {
	struct call *call;
	size_t count, done;
	char first[LIMIT_UID_BYTES + 2], last[LIMIT_UID_BYTES + 2];
	bool cut; /* ended early, because the answer is large enough */
};
void rows_begin(struct rows *rows, struct call *call, const struct store_request *request);
/* The index of the next row, which is then written to call->writer and named. */
MUST_CHECK bool rows_next(struct rows *rows, size_t *index);
void rows_name(struct rows *rows, struct slice name);
void rows_end(struct rows *rows, const struct store_request *request);

#endif
