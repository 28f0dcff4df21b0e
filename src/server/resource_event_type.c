#include "server/in.h"
#include "server/out.h"
#include "server/resources.h"

static void
answer_type(struct call *call, struct store_request *request, int status)
{
	if (!call_succeeded(call, request))
		return;
	out_event_type(call_write(call), &request->admin->event_type, true);
	call_end(call, status);
}

static void
finish_get(struct call *call, struct store_request *request)
{
	answer_type(call, request, 200);
}

static void
finish_create(struct call *call, struct store_request *request)
{
	answer_type(call, request, 201);
}

static void
finish_put(struct call *call, struct store_request *request)
{
	answer_type(call, request, request->existed ? 200 : 201);
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
		out_event_type(&call->writer, &request->event_types[i], call->with_content);
		rows_name(&rows, request->event_types[i].name);
	}
	rows_end(&rows, request);
}

void
event_type_list(struct call *call)
{
	bool archived = false;
	if (!call_flag(call, "include_archived", &archived) || !call_flag(call, "with_content", &call->with_content))
		return;
	struct store_request *request = call_request(call, STORE_EVENT_TYPE_LIST);
	request->include_archived = archived;
	struct page_rules rules = {.named = true};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_list);
}

void
event_type_get(struct call *call)
{
	call_submit(call, call_request(call, STORE_EVENT_TYPE_GET), finish_get);
}

void
event_type_delete(struct call *call)
{
	bool expunge = false;
	if (!call_flag(call, "expunge", &expunge))
		return;
	struct store_request *request = call_request(call, STORE_EVENT_TYPE_DELETE);
	request->expunge = expunge;
	call_submit(call, request, call_end_empty);
}

void
event_type_create(struct call *call)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_EVENT_TYPE_CREATE);
	struct event_type_in in;
	event_type_in_read(&(struct in){&request->arena, &call->check, false}, body, true, &in);
	request->admin->event_type = in.value;
	call_idempotent(call, request);
	if (call_checked(call, request))
		call_submit(call, request, finish_create);
}

static enum error_code
edit(void *context, struct arena *arena, struct event_type *type, bool existed, struct error *error)
{
	(void)arena, (void)existed, (void)error;
	event_type_in_apply(context, type);
	return OK;
}

static void
submit_edit(struct call *call, bool patch, call_finish *finish)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_EVENT_TYPE_EDIT);
	struct event_type_in *in = arena_alloc(&request->arena, sizeof *in);
	event_type_in_read(&(struct in){&request->arena, &call->check, patch}, body, false, in);
	if (!event_type_name_valid(request->ref)) {
		call->check.root = "path";
		check_fail(&call->check, CHECK_VALUE, "name", "The name must be 1 to %d of a-z, A-Z, 0-9, -, _ and ..",
		    LIMIT_UID_BYTES);
	}
	request->admin->edit_event_type = edit;
	request->admin->edit_context = in;
	request->create_missing = !patch;
	if (call_checked(call, request))
		call_submit(call, request, finish);
}

void
event_type_put(struct call *call)
{
	submit_edit(call, false, finish_put);
}

void
event_type_patch(struct call *call)
{
	submit_edit(call, true, finish_get);
}
