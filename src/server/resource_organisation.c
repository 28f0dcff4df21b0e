#include "server/in.h"
#include "server/out.h"
#include "server/resources.h"

static void
answer_organisation(struct call *call, struct store_request *request, int status)
{
	if (!call_succeeded(call, request))
		return;
	out_organisation(call_write(call), &request->admin->organisation);
	call_end(call, status);
}

static void
finish_get(struct call *call, struct store_request *request)
{
	answer_organisation(call, request, 200);
}

static void
finish_create(struct call *call, struct store_request *request)
{
	answer_organisation(call, request, request->get_if_exists && request->existed ? 200 : 201);
}

static void
finish_put(struct call *call, struct store_request *request)
{
	answer_organisation(call, request, request->existed ? 200 : 201);
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
		out_organisation(&call->writer, &request->organisations[i]);
		rows_name(&rows, slice_of(id_format(ID_ORGANISATION, request->organisations[i].id.value, id)));
	}
	rows_end(&rows, request);
}

void
organisation_list(struct call *call)
{
	struct store_request *request = call_request(call, STORE_ORGANISATION_LIST);
	struct page_rules rules = {.kind = ID_ORGANISATION, .ordered = true};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_list);
}

void
organisation_get(struct call *call)
{
	call_submit(call, call_request(call, STORE_ORGANISATION_GET), finish_get);
}

void
organisation_delete(struct call *call)
{
	call_submit(call, call_request(call, STORE_ORGANISATION_DELETE), call_end_empty);
}

void
organisation_create(struct call *call)
{
	struct json body;
	bool get_if_exists = false;
	if (!call_flag(call, "get_if_exists", &get_if_exists) || !call_body(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_ORGANISATION_CREATE);
	struct organisation_in in;
	organisation_in_read(&(struct in){&request->arena, &call->check, false}, body, &in);
	request->admin->organisation = in.value;
	request->get_if_exists = get_if_exists;
	call_idempotent(call, request);
	if (call_checked(call, request))
		call_submit(call, request, finish_create);
}

static void
finish_sandbox(struct call *call, struct store_request *request)
{
	answer_organisation(call, request, request->existed ? 200 : 201);
}

/* The sandbox of a production: made once, shown afterwards, so a repeat needs no key. */
void
organisation_sandbox(struct call *call)
{
	struct json body;
	if (!call_body_optional(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_ORGANISATION_CREATE);
	struct in in = {&request->arena, &call->check, false};
	struct member m[] = {{.name = "name"}, {.name = "uid"}};
	members_find(body, m, COUNT_OF(m));
	if (in_text(&in, &m[0], LIMIT_NAME_BYTES, &request->admin->organisation.name) &&
	    request->admin->organisation.name.len == 0)
		check_fail(&call->check, CHECK_VALUE, "name", "name must not be empty.");
	(void)in_uid(&in, &m[1], ID_ORGANISATION, &request->admin->organisation.uid);
	request->sandbox = true;
	call_idempotent(call, request);
	if (call_checked(call, request))
		call_submit(call, request, finish_sandbox);
}

static enum error_code
edit(void *context, struct arena *arena, struct organisation *organisation, bool existed, struct error *error)
{
	(void)arena, (void)existed, (void)error;
	organisation_in_apply(context, organisation);
	return OK;
}

static void
submit_edit(struct call *call, bool patch, call_finish *finish)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_ORGANISATION_EDIT);
	struct organisation_in *in = arena_alloc(&request->arena, sizeof *in);
	organisation_in_read(&(struct in){&request->arena, &call->check, patch}, body, in);
	request->admin->edit_organisation = edit;
	request->admin->edit_context = in;
	request->create_missing = !patch;
	if (call_checked(call, request))
		call_submit(call, request, finish);
}

void
organisation_put(struct call *call)
{
	submit_edit(call, false, finish_put);
}

void
organisation_patch(struct call *call)
{
	submit_edit(call, true, finish_get);
}
