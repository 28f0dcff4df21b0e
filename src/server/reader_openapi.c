/* The description of the receiver's API (OpenAPI 3.1), made from its route table and reader_schemas.json. */
#include "server/reader_call.h"

#include "server/openapi.h"
#include "server/route.h"

static const struct {
	unsigned group;
	const char *name, *about, *schema;
} parameters[] = {
    {READER_QUERY_PAGE, "limit", "The most rows that are wanted.",
	"{\"type\":\"integer\",\"minimum\":1,\"maximum\":250,\"default\":50}"},
    {READER_QUERY_PAGE, "after", "The iterator of the page before.",
	"{\"type\":\"integer\",\"minimum\":0,\"default\":0}"},
    {READER_QUERY_JOURNAL | READER_QUERY_SOURCE, "source", "Only of this source.", "{\"type\":\"string\"}"},
    {READER_QUERY_JOURNAL, "type", "Only of this event type.", "{\"type\":\"string\"}"},
    {READER_QUERY_JOURNAL, "with_content", "Whether bodies are shown.", "{\"type\":\"boolean\",\"default\":false}"},
    {READER_QUERY_REFUSED, "kind", "The latest requests, or counts that outlive them.",
	"{\"enum\":[\"rows\",\"totals\",\"claims\"],\"default\":\"rows\"}"},
    {READER_QUERY_TRACK, "state", "Only what is in this state.", "{\"type\":\"string\"}"},
    {READER_QUERY_TRACK, "stuck", "Only what is in a state that something has to follow, for too long.",
	"{\"type\":\"boolean\",\"default\":false}"},
    {READER_QUERY_ALERTS, "state", "Only alerts in this state.", "{\"enum\":[\"open\",\"acknowledged\",\"resolved\"]}"},
    {READER_QUERY_BREAKS, "state", "all, closed, or states separated by commas.",
	"{\"type\":\"string\",\"default\":\"open,investigating\"}"},
    {READER_QUERY_BREAKS, "class", "Only breaks of this class, as in AMOUNT_MISMATCH.", "{\"type\":\"string\"}"},
    {READER_QUERY_BREAKS, "order", "The order of the rows.",
	"{\"enum\":[\"ascending\",\"descending\"],\"default\":\"ascending\"}"},
};

static void
write_parameters(struct json_writer *writer, const struct reader_route *route)
{
	json_key(writer, "parameters");
	json_open(writer, '[');
	struct slice rest = slice_of(route->pattern);
	while (slice_present(rest)) {
		struct slice part = slice_cut(&rest, '/');
		if (!route_parameter(part))
			continue;
		struct slice name = {part.ptr + 1, part.len - 2};
		bool kind = slice_is(name, "kind");
		openapi_parameter(writer, "path", name, kind ? "What is tracked." : "Its id.",
		    kind ? "{\"enum\":[\"tx\",\"workflow\",\"case\",\"endpoint\"]}"
			 : "{\"type\":\"string\",\"minLength\":1}");
	}
	for (size_t i = 0; i < COUNT_OF(parameters); i++)
		if ((route->query & parameters[i].group) != 0)
			openapi_parameter(
			    writer, "query", slice_of(parameters[i].name), parameters[i].about, parameters[i].schema);
	json_close(writer);
}

static void
write_content(struct json_writer *writer, const char *schema)
{
	json_key(writer, "content");
	json_open(writer, '{');
	json_key(writer, "application/json");
	json_open(writer, '{');
	json_key(writer, "schema");
	openapi_reference(writer, schema);
	json_close(writer);
	json_close(writer);
}

static void
write_answer(struct json_writer *writer, int status, const char *about, const char *schema)
{
	openapi_answer_begin(writer, status, about);
	write_content(writer, schema);
	json_close(writer);
}

static void
write_answers(struct json_writer *writer, const struct reader_route *route)
{
	bool open = route->permission == PERMISSION_NONE, body = route->input != NULL;
	json_key(writer, "responses");
	json_open(writer, '{');
	write_answer(writer, 200, "Done.", route->output);
	write_answer(writer, 400, "The request cannot be read.", "Problem");
	if (!open) {
		write_answer(writer, 401, "The token is missing, unknown or has ended.", "Problem");
		write_answer(writer, 403,
		    body ? "The token may not do this; or the same person asked first, and another one has to confirm."
			 : "The token may not do this.",
		    "Problem");
	}
	if (strchr(route->pattern, '{') != NULL)
		write_answer(writer, 404, "What the path names is not there, or not for this token.", "Problem");
	if (body) {
		write_answer(writer, 409, "That does not follow from where it stands.", "Problem");
		write_answer(writer, 413, "The body is too large.", "Problem");
	}
	write_answer(writer, 422, "An input is wrong; it is named.", "Problem");
	write_answer(writer, 503, "It cannot be read or written now; ask again later.", "Problem");
	json_close(writer);
}

static void
write_operation(struct json_writer *writer, const struct reader_route *route)
{
	bool open = route->permission == PERMISSION_NONE;
	openapi_operation_begin(writer, route->method, route->operation, route->summary);
	json_put_cstring(writer, "x-permission", open ? NULL : permission_name(route->permission));
	if (open) {
		json_key(writer, "security");
		json_raw(writer, SLICE("[]"));
	}
	write_parameters(writer, route);
	if (route->input != NULL) {
		json_key(writer, "requestBody");
		json_open(writer, '{');
		json_put_bool(writer, "required", true);
		write_content(writer, route->input);
		json_close(writer);
	}
	write_answers(writer, route);
	json_close(writer);
}

/* No path has two methods. */
void
reader_openapi(struct reader_call *call)
{
	struct json_writer *writer = reader_write(call, 200);
	openapi_head(writer, "Vaultbell receiver",
	    "What internal systems read of a receiver: its journal, where things stand, alerts and breaks.");
	json_key(writer, "paths");
	json_open(writer, '{');
	for (size_t i = 0; i < reader_route_count(); i++) {
		const struct reader_route *route = reader_route_at(i);
		json_key_slice(writer, arena_printf(&call->arena, "/api/v1/%s", route->pattern));
		json_open(writer, '{');
		write_operation(writer, route);
		json_close(writer);
	}
	json_close(writer);
	openapi_components(writer, (struct slice){reader_schemas, reader_schemas_bytes});
}
