/* How calls are answered: bodies, problems, faults and list answers. */
#include "server/resources.h"

#include <stdarg.h>
#include <stdio.h>

enum { LIST_BYTES_ENOUGH = 8 << 20 };

void
call_answer(struct call *call, int status, struct slice body)
{
	call->api->answers[status / 100]++;
	struct http_header items[] = {{SLICE("access-control-allow-origin"), SLICE("*")}};
	http_reply(call->exchange, status, body, &(struct http_headers){items, COUNT_OF(items)});
}

struct json_writer *
call_write(struct call *call)
{
	buf_clear(&call->api->out);
	json_writer_init(&call->writer, &call->api->out);
	return &call->writer;
}

void
call_end(struct call *call, int status)
{
	struct buf *out = &call->api->out;
	if (out->overflow)
		call_answer(call, 500,
		    SLICE("{\"code\":\"server_error\",\"detail\":\"The answer is too large; ask for fewer rows.\"}"));
	else
		call_answer(call, status, buf_slice(out));
	if (out->capacity > LIST_BYTES_ENOUGH)
		buf_free(out);
}

void
call_problem(struct call *call, int status, const char *code, const char *format, ...)
{
	char text[384];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	json_put_cstring(writer, "code", code);
	json_put_cstring(writer, "detail", text);
	json_close(writer);
	call_end(call, status);
}

void
call_faults(struct call *call)
{
	check_write(&call->check, call_write(call));
	call_end(call, 422);
}

bool
call_admitted(struct call *call)
{
	struct api *api = call->api;
	struct pressure_reading reading = {.disk_free_bytes = -1};
	if (api->options.read_pressure != NULL)
		api->options.read_pressure(api->options.measure_context, &reading);
	reading.queue_bytes += api->accepting_bytes;
	enum pressure_reason reason = pressure_judge(&api->pressure, &reading);
	if (reason == PRESSURE_REASON_COUNT)
		return true;
	const struct pressure_answer *answer = pressure_answer(reason);
	struct slice body =
	    arena_printf(&call->exchange->arena, "{\"code\":\"%s\",\"detail\":\"%s\"}", answer->code, answer->detail);
	struct http_header items[] = {
	    {SLICE("access-control-allow-origin"), SLICE("*")},
	    {SLICE("retry-after"), arena_printf(&call->exchange->arena, "%d", answer->retry_after_s)},
	};
	api->answers[answer->status / 100]++;
	http_reply(call->exchange, answer->status, body, &(struct http_headers){items, COUNT_OF(items)});
	return false;
}

bool
call_checked(struct call *call, struct store_request *request)
{
	if (call->check.count == 0)
		return true;
	if (request != NULL)
		store_request_free(request);
	call_faults(call);
	return false;
}

bool
call_body(struct call *call, struct json *out)
{
	struct error error = ERROR_NONE;
	struct slice body = call->exchange->body;
	if (json_parse(body, LIMIT_JSON_DEPTH, out, &error) != OK)
		check_fail(&call->check, CHECK_DECODE, NULL, "%s", error.text);
	else if (out->type != JSON_OBJECT)
		check_fail(&call->check, CHECK_DECODE, NULL, "The body must be a JSON object, not %s.",
		    json_type_name(out->type));
	return call_checked(call, NULL);
}

bool
call_body_optional(struct call *call, struct json *out)
{
	*out = (struct json){JSON_OBJECT, SLICE("{}")};
	return slice_trim(call->exchange->body).len == 0 || call_body(call, out);
}

bool
call_page(struct call *call, const struct page_rules *rules, struct store_request *request)
{
	struct error error = ERROR_NONE;
	call->check.root = "query";
	if (query_page(&call->query, rules, &request->arena, &call->check, &call->list, &error) != OK) {
		store_request_free(request);
		call_problem(call, 400, "generic_error", "%s", error.text);
		return false;
	}
	request->page = call->list.page;
	return call_checked(call, request);
}

bool
call_flag(struct call *call, const char *name, bool *value)
{
	struct error error = ERROR_NONE;
	if (query_bool(&call->query, name, value, &error) == OK)
		return true;
	call_problem(call, 400, "generic_error", "%s", error.text);
	return false;
}

/* --- what the store refuses -------------------------------------------------------------------------- */

/* What the store says of it, or else `otherwise`. */
static const char *
said(const struct store_request *request, const char *otherwise)
{
	return request->error.text[0] != '\0' ? request->error.text : otherwise;
}

static void
answer_conflict(struct call *call, const struct store_request *request)
{
	switch (request->detail) {
	case STORE_DETAIL_KEY_REUSED:
		call->check.root = "header";
		check_fail(&call->check, CHECK_VALUE, "idempotency-key",
		    "The key was used before with another body; a new request needs a new key.");
		call_faults(call);
		return;
	case STORE_DETAIL_TYPE_EXISTS:
		call_problem(call, 409, "event_type_exists", "An event type of this name is there already.");
		return;
	case STORE_DETAIL_EVENT_ID_TAKEN:
		call_problem(call, 409, "conflict", "An event with this eventId is there already.");
		return;
	case STORE_DETAIL_UID_TAKEN: call_problem(call, 409, "conflict", "The uid is in use."); return;
	case STORE_DETAIL_NONE:
	case STORE_DETAIL_TYPE_UNKNOWN:
	case STORE_DETAIL_NO_ORGANISATION:
	case STORE_DETAIL_NO_ENDPOINT:
	case STORE_DETAIL_NO_MESSAGE:
	case STORE_DETAIL_NO_TOKEN:
	case STORE_DETAIL_NO_ALERT:
	case STORE_DETAIL_NO_CHANGE:
	case STORE_DETAIL_NO_SERVICE:
	case STORE_DETAIL_PLAIN_URL:
	case STORE_DETAIL_ENVIRONMENT:
	case STORE_DETAIL_EXPUNGED:
	case STORE_DETAIL_TOO_MANY: break;
	}
	call_problem(call, 409, "conflict", "%s", said(request, "It is there already."));
}

static void
answer_invalid(struct call *call, const struct store_request *request)
{
	if (request->detail == STORE_DETAIL_EXPUNGED) {
		call_problem(call, 400, "missing_payload", "The event's content is no longer kept.");
		return;
	}
	call->check.root = "body";
	if (request->detail == STORE_DETAIL_NO_SERVICE)
		check_fail(&call->check, CHECK_VALUE,
		    request->kind == STORE_ENDPOINT_CREATE || request->kind == STORE_ENDPOINT_EDIT ? "eventTypes"
												   : "eventType",
		    "%s", said(request, "The type's service is not enabled."));
	else if (request->detail == STORE_DETAIL_PLAIN_URL)
		check_fail(&call->check, CHECK_VALUE, "url", "%s", request->error.text);
	else if (request->detail == STORE_DETAIL_ENVIRONMENT)
		check_fail(&call->check, CHECK_VALUE, "environment", "%s", request->error.text);
	else if (request->detail == STORE_DETAIL_TYPE_UNKNOWN)
		check_fail(&call->check, CHECK_VALUE, "eventTypes", "%s",
		    said(request, "One of the event types is not there, or is archived."));
	else
		check_fail(
		    &call->check, CHECK_VALUE, call->invalid, "%s", said(request, "The change is not possible."));
	call_faults(call);
}

static const char *
missing_text(enum store_detail detail)
{
	switch (detail) {
	case STORE_DETAIL_NO_ORGANISATION: return "There is no such organisation.";
	case STORE_DETAIL_NO_ENDPOINT: return "There is no such endpoint in this organisation.";
	case STORE_DETAIL_NO_MESSAGE: return "There is no such message in this organisation.";
	case STORE_DETAIL_NO_CHANGE: return "There is no such change request in this organisation.";
	case STORE_DETAIL_NO_TOKEN: return "There is no such token of this organisation.";
	case STORE_DETAIL_NO_ALERT: return "There is no such alert.";
	case STORE_DETAIL_NONE:
	case STORE_DETAIL_NO_SERVICE:
	case STORE_DETAIL_PLAIN_URL:
	case STORE_DETAIL_ENVIRONMENT:
	case STORE_DETAIL_UID_TAKEN:
	case STORE_DETAIL_TYPE_EXISTS:
	case STORE_DETAIL_EVENT_ID_TAKEN:
	case STORE_DETAIL_KEY_REUSED:
	case STORE_DETAIL_TYPE_UNKNOWN:
	case STORE_DETAIL_EXPUNGED:
	case STORE_DETAIL_TOO_MANY: return "Entity not found.";
	}
	UNREACHABLE();
}

/* Only the kinds that are about change requests have one without being kept for approval. */
bool
call_held(const struct store_request *request)
{
	return request->status == OK && store_request_change(request) != 0 && request->kind != STORE_CHANGE_GET &&
	       request->kind != STORE_CHANGE_DECIDE;
}

void
call_end_held(struct call *call, const struct store_request *request)
{
	char id[ID_TEXT_BYTES];
	struct http_header items[] = {
	    {SLICE("access-control-allow-origin"), SLICE("*")},
	    {SLICE("vaultbell-change"), slice_of(id_format(ID_CHANGE, request->admin->change.id.value, id))},
	};
	ENSURE(!call->api->out.overflow);
	changes_expect(call->api, request);
	call->api->answers[2]++;
	http_reply(call->exchange, 202, buf_slice(&call->api->out), &(struct http_headers){items, COUNT_OF(items)});
}

bool
call_succeeded(struct call *call, struct store_request *request)
{
	switch (request->status) {
	case OK:
		if (!call_held(request))
			return true;
		change_write(call_write(call), &request->admin->change);
		call_end_held(call, request);
		return false;
	case ERR_NOT_FOUND: call_problem(call, 404, "not_found", "%s", missing_text(request->detail)); return false;
	case ERR_CONFLICT: answer_conflict(call, request); return false;
	case ERR_INVALID: answer_invalid(call, request); return false;
	case ERR_LIMIT:
		call_problem(call, 400, "limit_reached", "%s", said(request, "A limit of this server is reached."));
		return false;
	case ERR_FORBIDDEN:
	case ERR_UNAUTHENTICATED:
		call_problem(call, 403, "insufficient access", "%s", said(request, "This may not be done."));
		return false;
	case ERR_FULL:
		call_problem(call, 503, "storage_full", "The server has no room to store this; nothing was changed.");
		return false;
	case ERR_UNAVAILABLE:
		call_problem(call, 503, "unavailable", "The store cannot be used now; nothing was changed.");
		return false;
	case ERR_IO:
	case ERR_CORRUPT:
	case ERR_INTERNAL: break;
	}
	log_write(call->api->options.log, LOG_ERROR, "store request failed", "kind", store_kind_name(request->kind),
	    "error", request->error.text, NULL);
	call_problem(call, 500, "server_error", "The server failed; nothing was acknowledged.");
	return false;
}

void
call_end_empty(struct call *call, struct store_request *request)
{
	if (call_succeeded(call, request))
		call_answer(call, 204, SLICE(""));
}

/* --- lists ------------------------------------------------------------------------------------------- */

void
rows_begin(struct rows *rows, struct call *call, const struct store_request *request)
{
	*rows = (struct rows){.call = call, .count = call->empty_list ? 0 : request->count};
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	json_key(writer, "data");
	json_open(writer, '[');
}

bool
rows_next(struct rows *rows, size_t *index)
{
	/* Going forward a page may end early: the iterator leads on from there. Backwards it may not, since what
	 * was left out would lie between this page and the one that the caller came from. */
	bool enough = !rows->call->list.backwards && rows->call->api->out.len > LIST_BYTES_ENOUGH;
	if (rows->done == rows->count || (enough && rows->done > 0)) {
		rows->cut = rows->done < rows->count;
		return false;
	}
	*index = rows->call->list.backwards ? rows->count - 1 - rows->done : rows->done;
	rows->done++;
	return true;
}

void
rows_name(struct rows *rows, struct slice name)
{
	char *to = rows->done == 1 ? rows->first : rows->last;
	snprintf(to, sizeof rows->last, "%.*s", SLICE_ARG(name));
	if (rows->done == 1)
		memcpy(rows->last, rows->first, sizeof rows->last);
}

/* The search may have ended before the page was full: then the iterator on that side leads on from there. */
static struct slice
search_end(const struct call *call, const struct store_request *request)
{
	char id[ID_TEXT_BYTES];
	return arena_copy(&call->exchange->arena, slice_of(id_format(call->list.kind, request->scanned, id)));
}

void
rows_end(struct rows *rows, const struct store_request *request)
{
	struct call *call = rows->call;
	struct json_writer *writer = &call->writer;
	struct slice last = rows->done == 0 ? SLICE_NONE : slice_of(rows->last);
	struct slice first = rows->done == 0 ? SLICE_NONE : slice_of(rows->first);
	if (request->scanned != 0 && !rows->cut && !call->empty_list)
		*(call->list.backwards ? &first : &last) = search_end(call, request);
	json_close(writer);
	json_key(writer, "iterator");
	json_string(writer, last);
	json_key(writer, "prevIterator");
	json_string(writer,
	    slice_present(first) ? arena_printf(&call->exchange->arena, "-%.*s", SLICE_ARG(first)) : SLICE_NONE);
	json_put_bool(writer, "done", !rows->cut && (call->empty_list || !request->more));
	json_close(writer);
	call_end(call, 200);
}
