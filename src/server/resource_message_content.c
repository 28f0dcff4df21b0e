/* Whether an event would go anywhere, and content that goes for good. */
#include "server/in.h"
#include "server/resources.h"

enum { BULK_MAX = 250 };

/* --- pre-check --------------------------------------------------------------------------------------- */

static void
finish_precheck(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	json_put_bool(writer, "active", request->existed);
	json_close(writer);
	call_end(call, 200);
}

void
message_precheck(struct call *call)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_PRECHECK);
	struct in in = {&request->arena, &call->check, false};
	struct member m[] = {{.name = "eventType"}, {.name = "channels"}};
	members_find(body, m, COUNT_OF(m));
	in_required(&in, &m[0]);
	if (in_text(&in, &m[0], SIZE_MAX, &request->admin->event_type.name) &&
	    !event_type_name_valid(request->admin->event_type.name))
		check_fail(&call->check, CHECK_VALUE, "eventType",
		    "eventType must be 1 to %d of a-z, A-Z, 0-9, -, _ and ..", LIMIT_UID_BYTES);
	(void)in_names(&in, &m[1], LIMIT_CHANNELS, &request->channels);
	if (call_checked(call, request))
		call_submit(call, request, finish_precheck);
}

/* --- expunging --------------------------------------------------------------------------------------- */

static void
finish_expunge(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	if (request->found[0])
		call_answer(call, 204, SLICE(""));
	else
		call_problem(call, 404, "not_found", "There is no such message in this organisation.");
}

void
message_expunge(struct call *call)
{
	struct store_request *request = call_request(call, STORE_EXPUNGE);
	struct slice ref = call->params[1];
	request->message_refs = arena_list(&request->arena, (struct slice_list){&ref, 1});
	call_submit(call, request, finish_expunge);
}

static void
finish_bulk_expunge(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	json_key(writer, "results");
	json_open(writer, '{');
	for (size_t i = 0; i < request->message_refs.count; i++) {
		json_key_slice(writer, request->message_refs.items[i]);
		json_string(writer, request->found[i] ? SLICE("expunged") : SLICE("not-found"));
	}
	json_close(writer);
	json_close(writer);
	call_end(call, 200);
}

void
message_bulk_expunge(struct call *call)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_EXPUNGE);
	struct in in = {&request->arena, &call->check, false};
	struct member ids = {.name = "ids"};
	members_find(body, &ids, 1);
	bool empty = member_null(&ids) || (ids.value.type == JSON_ARRAY && json_count(ids.value) == 0);
	if (!empty)
		(void)in_names(&in, &ids, BULK_MAX, &request->message_refs);
	call_idempotent(call, request);
	if (call_checked(call, request))
		call_submit(call, request, finish_bulk_expunge);
}
