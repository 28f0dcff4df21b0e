/* Change requests: listed, decided, and carried on when their time has come. How they come to be is the store's to say
 * (store/change.h); here is what an answer says of one, instead of what was asked for (call_succeeded). */
#include "server/in.h"
#include "server/out.h"
#include "server/resources.h"

enum { STEP_AGAIN_US = 1000000 };

/* --- steps ------------------------------------------------------------------------------------------- */

void
changes_go_on(struct api *api, struct wall_time now)
{
	if (api->changing || now.us < api->change_due.us)
		return;
	struct store_request *request = store_request_new(STORE_CHANGE_STEP, now);
	request->reply_to = api->options.mailbox;
	request->reply_kind = api->options.reply_kind;
	api->changing = true;
	mail_list_add(&api->gathered, &request->mail);
}

void
changes_stepped(struct api *api, const struct store_request *request)
{
	api->changing = false;
	if (request->status != OK)
		api->change_due.us = clock_wall().us + STEP_AGAIN_US;
	else
		api->change_due = request->due;
	if (request->status != OK || !request->existed)
		return;
	char id[ID_TEXT_BYTES];
	log_write(api->options.log, LOG_INFO, "a change request has ended", "change",
	    id_format(ID_CHANGE, request->admin->change.id.value, id), "state",
	    change_state_name(request->admin->change.state), NULL);
}

void
changes_expect(struct api *api, const struct store_request *request)
{
	struct wall_time due = request->kind == STORE_CHANGE_DECIDE ? request->due : request->admin->change.due;
	if (due.us < api->change_due.us)
		api->change_due = due;
}

/* --- answers ----------------------------------------------------------------------------------------- */

static void
finish_change(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	changes_expect(call->api, request);
	change_write(call_write(call), &request->admin->change);
	call_end(call, 200);
}

static void
finish_get(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	change_write(call_write(call), &request->admin->change);
	call_end(call, 200);
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
		change_write(&call->writer, &request->admin->changes[i]);
		rows_name(&rows, slice_of(id_format(ID_CHANGE, request->admin->changes[i].id.value, id)));
	}
	rows_end(&rows, request);
}

/* --- requests ---------------------------------------------------------------------------------------- */

/* With the id that the path names; NULL: answered. */
static struct store_request *
change_request(struct call *call, enum store_kind kind)
{
	int64_t id;
	if (!id_parse(ID_CHANGE, call->params[1], &id) || id <= 0) {
		call_problem(call, 404, "not_found", "There is no such change request in this organisation.");
		return NULL;
	}
	struct store_request *request = call_request(call, kind);
	request->admin->change.id.value = id;
	return request;
}

void
change_list(struct call *call)
{
	enum change_state state;
	struct slice wanted = query_get(&call->query, "state");
	bool filtered = slice_present(wanted);
	if (filtered && !change_state_parse(wanted, &state)) {
		call_problem(call, 400, "generic_error",
		    "state must be requested, approved, applied, stale, refused, withdrawn or expired.");
		return;
	}
	struct store_request *request = call_request(call, STORE_CHANGE_LIST);
	request->admin->change_state = filtered ? (int)state : -1;
	struct page_rules rules = {.kind = ID_CHANGE, .descending = true, .ordered = true};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_list);
}

void
change_get(struct call *call)
{
	struct store_request *request = change_request(call, STORE_CHANGE_GET);
	if (request != NULL)
		call_submit(call, request, finish_get);
}

static void
decide(struct call *call, enum change_state to)
{
	struct json body;
	if (!call_body_optional(call, &body))
		return;
	struct store_request *request = change_request(call, STORE_CHANGE_DECIDE);
	if (request == NULL)
		return;
	struct member reason = {.name = "reason"};
	members_find(body, &reason, 1);
	struct in in = {&request->arena, &call->check, false};
	if (to == CHANGE_REFUSED)
		in_required(&in, &reason);
	(void)in_text(&in, &reason, LIMIT_REASON_BYTES, &request->admin->change.reason);
	request->admin->change.state = to;
	if (call_checked(call, request))
		call_submit(call, request, finish_change);
}

void
change_approve(struct call *call)
{
	decide(call, CHANGE_APPROVED);
}

void
change_refuse(struct call *call)
{
	decide(call, CHANGE_REFUSED);
}

void
change_withdraw(struct call *call)
{
	decide(call, CHANGE_WITHDRAWN);
}
