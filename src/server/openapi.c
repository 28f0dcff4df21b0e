#include "server/openapi.h"

#include "server/resources.h"

/* --- parameters -------------------------------------------------------------------------------------- */

static const struct {
	unsigned group;
	const char *name, *about, *schema;
} parameters[] = {
    {QUERY_PAGE, "limit", "The most rows that are wanted.",
	"{\"type\":\"integer\",\"minimum\":1,\"maximum\":250,\"default\":50}"},
    {QUERY_PAGE, "iterator", "The iterator or prevIterator of another answer.", "{\"type\":\"string\"}"},
    {QUERY_ORDER, "order", "The order of the rows.", "{\"enum\":[\"ascending\",\"descending\"]}"},
    {QUERY_TIMES, "before", "Only what was made before this.", "{\"type\":\"string\",\"format\":\"date-time\"}"},
    {QUERY_TIMES, "after", "Only what was made after this.", "{\"type\":\"string\",\"format\":\"date-time\"}"},
    {QUERY_CONTENT, "with_content", "Whether contents are shown.", "{\"type\":\"boolean\"}"},
    {QUERY_STATUS, "status", "0 success, 1 pending, 2 fail, 3 sending, 4 canceled.", "{\"enum\":[0,1,2,3,4]}"},
    {QUERY_STATUS, "status_code_class", "0: no answer came.", "{\"enum\":[0,100,200,300,400,500]}"},
    {QUERY_TYPES, "event_types", "Names, separated by commas.", "{\"type\":\"string\"}"},
    {QUERY_CHANNEL, "channel", "Only events of this channel.", "{\"type\":\"string\"}"},
    {QUERY_ENDPOINT, "endpoint_id", "Only to this endpoint.", "{\"type\":\"string\"}"},
    {QUERY_ARCHIVED, "include_archived", "Whether archived ones are shown.", "{\"type\":\"boolean\"}"},
    {QUERY_EXPUNGE, "expunge", "Removes it instead of archiving it.", "{\"type\":\"boolean\"}"},
    {QUERY_GET_IF_EXISTS, "get_if_exists", "Answers with what has this uid already.", "{\"type\":\"boolean\"}"},
    {QUERY_RANGE, "since", "The begin of the range.", "{\"type\":\"string\",\"format\":\"date-time\"}"},
    {QUERY_RANGE, "until", "The end of the range.", "{\"type\":\"string\",\"format\":\"date-time\"}"},
    {QUERY_DIGEST, "level", "What one digest covers.",
	"{\"enum\":[\"day\",\"hour\",\"minute\",\"second\",\"event\"],\"default\":\"day\"}"},
    {QUERY_DIGEST, "from", "Seconds since 1970: only from this time on.", "{\"type\":\"integer\",\"minimum\":0}"},
    {QUERY_DIGEST, "to", "Seconds since 1970: only before it.", "{\"type\":\"integer\",\"minimum\":0}"},
    {QUERY_FEED, "after", "The last sequence that is there already.",
	"{\"type\":\"integer\",\"minimum\":0,\"default\":0}"},
    {QUERY_FEED, "limit", "The most events that are wanted.",
	"{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":250}"},
    {QUERY_FEED, "signatures", "Whether each event is signed anew, as when it is pushed.",
	"{\"type\":\"boolean\",\"default\":true}"},
    {QUERY_OWNERS, "owners_missing", "Only those with a duty that nobody is named for.", "{\"type\":\"boolean\"}"},
    {QUERY_TASK, "status", "Only tasks in this state.", "{\"enum\":[\"running\",\"finished\",\"failed\"]}"},
    {QUERY_CHANGE, "state", "Only change requests in this state.",
	"{\"enum\":[\"requested\",\"approved\",\"applied\",\"stale\",\"refused\",\"withdrawn\",\"expired\"]}"},
    {QUERY_TASK, "task", "Only tasks of this kind.", "{\"$ref\":\"#/components/schemas/BackgroundTaskType\"}"},
};

static void
write_parameters(struct json_writer *writer, const struct route *route)
{
	json_key(writer, "parameters");
	json_open(writer, '[');
	struct slice rest = slice_of(route->pattern);
	while (slice_present(rest)) {
		struct slice part = slice_cut(&rest, '/');
		if (route_parameter(part))
			openapi_parameter(writer, "path", (struct slice){part.ptr + 1, part.len - 2},
			    "An id, or the uid that was given.", "{\"type\":\"string\",\"minLength\":1}");
	}
	for (size_t i = 0; i < COUNT_OF(parameters); i++)
		if ((route->query & parameters[i].group) != 0)
			openapi_parameter(
			    writer, "query", slice_of(parameters[i].name), parameters[i].about, parameters[i].schema);
	if (strcmp(route->method, "POST") == 0)
		openapi_parameter(writer, "header", SLICE("idempotency-key"),
		    "Repeats of the request with the same key are answered with what the first one did.",
		    "{\"type\":\"string\",\"maxLength\":256}");
	json_close(writer);
}

/* --- answers ----------------------------------------------------------------------------------------- */

static void
write_list(struct json_writer *writer, const char *schema)
{
	json_open(writer, '{');
	json_put_cstring(writer, "type", "object");
	json_key(writer, "required");
	json_raw(writer, SLICE("[\"data\",\"iterator\",\"prevIterator\",\"done\"]"));
	json_put_bool(writer, "additionalProperties", false);
	json_key(writer, "properties");
	json_open(writer, '{');
	json_key(writer, "data");
	json_open(writer, '{');
	json_put_cstring(writer, "type", "array");
	json_key(writer, "items");
	openapi_reference(writer, schema);
	json_close(writer);
	json_key(writer, "iterator");
	json_raw(writer, SLICE("{\"type\":[\"string\",\"null\"]}"));
	json_key(writer, "prevIterator");
	json_raw(writer, SLICE("{\"type\":[\"string\",\"null\"]}"));
	json_key(writer, "done");
	json_raw(writer, SLICE("{\"type\":\"boolean\"}"));
	json_close(writer);
	json_close(writer);
}

static void
write_content(struct json_writer *writer, const char *schema, bool list)
{
	json_key(writer, "content");
	json_open(writer, '{');
	json_key(writer, "application/json");
	json_open(writer, '{');
	json_key(writer, "schema");
	if (list)
		write_list(writer, schema);
	else
		openapi_reference(writer, schema);
	json_close(writer);
	json_close(writer);
}

static void
write_answer(struct json_writer *writer, int status, const char *about, const char *schema, bool list)
{
	openapi_answer_begin(writer, status, about);
	if (schema != NULL)
		write_content(writer, schema, list);
	json_close(writer);
}

/* Which refusals there can be follows from what a route takes. */
/* What is answered instead while a second person has not approved. */
static const char *
requested_schema(const struct route *route)
{
	if (route->handle == token_create)
		return "TokenRequestedOut";
	bool endpoint = route->output != NULL && strcmp(route->output, "EndpointOut") == 0;
	return endpoint ? "EndpointRequestedOut" : "ChangeOut";
}

static void
write_answers(struct json_writer *writer, const struct route *route)
{
	bool body = route->input != NULL, parameter = strchr(route->pattern, '{') != NULL;
	bool changes = strcmp(route->method, "GET") != 0;
	json_key(writer, "responses");
	json_open(writer, '{');
	bool list = (route->flags & ROUTE_LIST) != 0;
	write_answer(writer, route->status, "Done.", route->output, list);
	if (route->other_status != 0)
		write_answer(writer, route->other_status, "Done.", route->output, list);
	if ((route->flags & ROUTE_GOVERNED) != 0)
		write_answer(writer, 202, "The organisation governs this: it waits for a second person.",
		    requested_schema(route), false);
	write_answer(writer, 400, "The request cannot be served as it is.", "HttpErrorOut", false);
	if (route->access != ACCESS_OPEN) {
		write_answer(writer, 401, "The token is missing, unknown or has ended.", "HttpErrorOut", false);
		write_answer(writer, 403, "The token's role may not do this.", "HttpErrorOut", false);
	}
	if (parameter)
		write_answer(writer, 404, "What the path names is not there.", "HttpErrorOut", false);
	if (changes)
		write_answer(writer, 409, "It is there already.", "HttpErrorOut", false);
	if (body)
		write_answer(writer, 413, "The body is too large.", "HttpErrorOut", false);
	write_answer(writer, 422, "Inputs are wrong; each is named.", "HTTPValidationError", false);
	write_answer(writer, 503, "The store cannot be used now; nothing was changed.", "HttpErrorOut", false);
	json_close(writer);
}

/* --- operations -------------------------------------------------------------------------------------- */

/* Whose tokens may; which of their roles is for the permission to say (docs/roles.md). */
static const char *
access_name(enum access access)
{
	switch (access) {
	case ACCESS_OPEN: return "open";
	case ACCESS_ANY: return "any";
	case ACCESS_ORGANISATION: return "organisation";
	case ACCESS_PLATFORM: return "platform";
	}
	UNREACHABLE();
}

static void
write_operation(struct json_writer *writer, const struct route *route)
{
	openapi_operation_begin(writer, route->method, route->operation, route->summary);
	json_put_cstring(writer, "x-access", access_name(route->access));
	json_put_cstring(
	    writer, "x-permission", route->permission == PERMISSION_NONE ? NULL : permission_name(route->permission));
	if (route->access == ACCESS_OPEN) {
		json_key(writer, "security");
		json_raw(writer, SLICE("[]"));
	}
	write_parameters(writer, route);
	if (route->input != NULL) {
		json_key(writer, "requestBody");
		json_open(writer, '{');
		json_put_bool(writer, "required", (route->flags & ROUTE_INPUT_OPTIONAL) == 0);
		write_content(writer, route->input, false);
		json_close(writer);
	}
	write_answers(writer, route);
	json_close(writer);
}

static bool
first_of_its_path(size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(route_at(i)->pattern, route_at(at)->pattern) == 0)
			return false;
	return true;
}

static void
write_paths(struct json_writer *writer, struct arena *arena)
{
	json_key(writer, "paths");
	json_open(writer, '{');
	for (size_t i = 0; i < route_count(); i++) {
		if (!first_of_its_path(i))
			continue;
		const char *pattern = route_at(i)->pattern;
		json_key_slice(writer, arena_printf(arena, "/api/v1/%s", pattern));
		json_open(writer, '{');
		for (size_t at = i; at < route_count(); at++)
			if (strcmp(route_at(at)->pattern, pattern) == 0)
				write_operation(writer, route_at(at));
		json_close(writer);
	}
	json_close(writer);
}

static void
write_description(struct buf *out, struct arena *arena)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_open(&writer, '{');
	openapi_head(&writer, "Vaultbell",
	    "The management API. `org` may stand for `app` in every path; an application is an organisation.");
	write_paths(&writer, arena);
	openapi_components(&writer, (struct slice){openapi_schemas, openapi_schemas_bytes});
	json_close(&writer);
}

void
openapi_get(struct call *call)
{
	struct buf *out = &call->api->openapi;
	if (out->len == 0)
		write_description(out, &call->exchange->arena);
	call_answer(call, 200, buf_slice(out));
}
