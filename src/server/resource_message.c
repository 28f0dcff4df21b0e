/* Messages. The 202 is written in finish_create alone, which the runner's reply calls: after the commit. */
#include "server/in.h"
#include "server/out.h"
#include "server/resources.h"

#include "catalogue/catalogue.h"

static void
finish_create(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	call->api->accepted += !request->existed;
	out_message(call_write(call), request->message, call_content(call, request->message->event_type));
	call_end(call, 202);
}

static void
finish_get(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	out_message(call_write(call), call_message(call, request, request->message),
	    call_content(call, request->message->event_type));
	call_end(call, 200);
}

/* Hands the event in. Called again from finish_type, so the body is read here. */
static void
submit_message(struct call *call, struct json body)
{
	struct store_request *request = call_request(call, STORE_ACCEPT);
	request->message = message_new();
	struct in in = {&request->arena, &call->check, false};
	message_in_read(&in, body, request->ref, request->message, &request->new_organisation);
	call_idempotent(call, request);
	if (call_checked(call, request))
		call_submit(call, request, finish_create);
}

/* The catalogue does not have the type: has someone created it? */
static void
finish_type(struct call *call, struct store_request *request)
{
	bool known = request->status == OK && !request->admin->event_type.archived;
	if (!known && (request->status == OK || request->status == ERR_NOT_FOUND)) {
		check_fail(&call->check, CHECK_VALUE, "eventType",
		    "eventType must be one of the catalogue, or be created first.");
		call_faults(call);
		return;
	}
	struct json body;
	if (call_succeeded(call, request) && call_body(call, &body))
		submit_message(call, body);
}

void
message_create(struct call *call)
{
	struct json body;
	if (!call_admitted(call))
		return;
	call->with_content = true;
	if (!call_flag(call, "with_content", &call->with_content) || !call_body(call, &body))
		return;
	if (call->api->options.config->catalogue_strict) {
		struct json type = json_member(body, "eventType");
		struct slice name = SLICE_NONE;
		if (json_present(type) && type.type == JSON_STRING)
			name = json_text(&call->exchange->arena, type);
		if (event_type_name_valid(name) && catalogue_find(name) == NULL) {
			struct store_request *request = call_request(call, STORE_EVENT_TYPE_GET);
			request->ref = arena_copy(&request->arena, name);
			call_submit(call, request, finish_type);
			return;
		}
	}
	submit_message(call, body);
}

static void
finish_list(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct rows rows;
	size_t i;
	rows_begin(&rows, call, request);
	while (rows_next(&rows, &i)) {
		char id[ID_TEXT_BYTES];
		const struct message *message = request->messages[i];
		out_message(
		    &call->writer, call_message(call, request, message), call_content(call, message->event_type));
		rows_name(&rows, slice_of(id_format(ID_MESSAGE, request->messages[i]->id.value, id)));
	}
	rows_end(&rows, request);
}

void
message_list(struct call *call)
{
	call->with_content = true;
	if (!call_flag(call, "with_content", &call->with_content))
		return;
	struct store_request *request = call_request(call, STORE_MESSAGE_LIST);
	struct slice_list types = query_list(&call->query, "event_types", &request->arena);
	request->filter.event_types = arena_list(&request->arena, types);
	request->filter.channel = arena_copy(&request->arena, query_get(&call->query, "channel"));
	request->filter.status = request->filter.status_code_class = -1;
	struct page_rules rules = {.kind = ID_MESSAGE, .descending = true, .timed = true};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_list);
}

void
message_get(struct call *call)
{
	call->with_content = true;
	if (!call_flag(call, "with_content", &call->with_content))
		return;
	struct store_request *request = call_request(call, STORE_MESSAGE_GET);
	request->message_ref = arena_copy(&request->arena, call->params[1]);
	call_submit(call, request, finish_get);
}

static void
finish_evidence(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	out_evidence(call_write(call), request->message, &request->admin->evidence);
	call_end(call, 200);
}

void
message_evidence(struct call *call)
{
	struct store_request *request = call_request(call, STORE_MESSAGE_EVIDENCE);
	request->message_ref = arena_copy(&request->arena, call->params[1]);
	call_submit(call, request, finish_evidence);
}
