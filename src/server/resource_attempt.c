/* Attempts and where deliveries stand. */
#include "server/out.h"
#include "server/resources.h"

enum { STATUS_SUCCESS = 0, STATUS_PENDING = 1, STATUS_FAIL = 2, STATUS_SENDING = 3, STATUS_CANCELLED = 4 };

/* The filters that attempts and deliveries share; false: answered already. A status that no row can have makes
 * the list empty, but the store is still asked whether what the path names is there. */
static bool
take_filter(struct call *call, struct store_request *request, bool deliveries)
{
	struct store_filter *filter = &request->filter;
	struct error error = ERROR_NONE;
	int64_t status = -1, class = -1;
	enum error_code code = query_integer(&call->query, "status", &status, &error);
	if (code == OK)
		code = query_integer(&call->query, "status_code_class", &class, &error);
	if (code == OK && status > STATUS_CANCELLED)
		code = error_set(&error, ERR_INVALID, "The query parameter status must be 0, 1, 2, 3 or 4.");
	if (code == OK && class != -1 && class != 0 && (class < 100 || class > 500 || class % 100 != 0))
		code = error_set(
		    &error, ERR_INVALID, "The query parameter status_code_class must be 0, 100, 200, 300, 400 or 500.");
	if (code != OK) {
		store_request_free(request);
		call_problem(call, 400, "generic_error", "%s", error.text);
		return false;
	}
	filter->status = (int)status;
	filter->status_code_class = (int)class;
	if (status == STATUS_PENDING || status == STATUS_CANCELLED || (status == STATUS_SENDING && !deliveries)) {
		call->empty_list = true;
		filter->status = -1;
	}
	filter->event_types = arena_list(&request->arena, query_list(&call->query, "event_types", &request->arena));
	filter->channel = arena_copy(&request->arena, query_get(&call->query, "channel"));
	filter->endpoint_ref = arena_copy(&request->arena, query_get(&call->query, "endpoint_id"));
	return true;
}

static void
finish_attempts(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct rows rows;
	size_t i;
	rows_begin(&rows, call, request);
	while (rows_next(&rows, &i)) {
		char id[ID_TEXT_BYTES];
		const struct attempt *attempt = &request->attempts[i];
		out_attempt(&call->writer, attempt, call_answer_content(call, request, attempt));
		rows_name(&rows, slice_of(id_format(ID_ATTEMPT, request->attempts[i].id.value, id)));
	}
	rows_end(&rows, request);
}

static void
list_attempts(struct call *call, bool of_message)
{
	call->with_content = true;
	if (!call_flag(call, "with_content", &call->with_content))
		return;
	struct store_request *request = call_request(call, STORE_ATTEMPT_LIST);
	struct slice ref = arena_copy(&request->arena, call->params[1]);
	*(of_message ? &request->message_ref : &request->endpoint_ref) = ref;
	if (!take_filter(call, request, false))
		return;
	if (of_message && call->param_count > 2)
		request->filter.endpoint_ref = arena_copy(&request->arena, call->params[2]);
	struct page_rules rules = {.kind = ID_ATTEMPT, .descending = true, .timed = true};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_attempts);
}

void
attempt_list_of_endpoint(struct call *call)
{
	list_attempts(call, false);
}

void
attempt_list_of_message(struct call *call)
{
	list_attempts(call, true);
}

/* `/msg/ID/endpoint/ID/attempt`, which older clients still ask. */
void
attempt_list_of_destination(struct call *call)
{
	list_attempts(call, true);
}

static void
finish_attempt(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	out_attempt(
	    call_write(call), &request->admin->attempt, call_answer_content(call, request, &request->admin->attempt));
	call_end(call, 200);
}

static void
ask_attempt(struct call *call, enum store_kind kind, call_finish *finish)
{
	int64_t id;
	if (!id_parse(ID_ATTEMPT, call->params[2], &id)) {
		call_problem(call, 404, "not_found", "There is no such attempt of this message.");
		return;
	}
	struct store_request *request = call_request(call, kind);
	request->message_ref = arena_copy(&request->arena, call->params[1]);
	request->attempt_id = id;
	call_submit(call, request, finish);
}

void
attempt_get(struct call *call)
{
	call->with_content = true;
	ask_attempt(call, STORE_ATTEMPT_GET, finish_attempt);
}

void
attempt_expunge(struct call *call)
{
	ask_attempt(call, STORE_ATTEMPT_EXPUNGE, call_end_empty);
}

/* --- deliveries -------------------------------------------------------------------------------------- */

static void
finish_destinations(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct rows rows;
	size_t i;
	rows_begin(&rows, call, request);
	while (rows_next(&rows, &i)) {
		char id[ID_TEXT_BYTES];
		out_destination(&call->writer, &request->deliveries[i]);
		rows_name(&rows, slice_of(id_format(ID_ENDPOINT, request->deliveries[i].endpoint->id.value, id)));
	}
	rows_end(&rows, request);
}

void
attempt_destinations(struct call *call)
{
	struct store_request *request = call_request(call, STORE_MESSAGE_ENDPOINTS);
	request->message_ref = arena_copy(&request->arena, call->params[1]);
	request->filter.status = request->filter.status_code_class = -1;
	struct page_rules rules = {.kind = ID_ENDPOINT};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_destinations);
}

static void
finish_messages(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct rows rows;
	size_t i;
	rows_begin(&rows, call, request);
	while (rows_next(&rows, &i)) {
		char id[ID_TEXT_BYTES];
		struct store_delivery *delivery = &request->deliveries[i];
		out_endpoint_message(&call->writer, delivery, call_message(call, request, delivery->message),
		    call_content(call, delivery->message->event_type));
		rows_name(&rows, slice_of(id_format(ID_MESSAGE, request->deliveries[i].message->id.value, id)));
	}
	rows_end(&rows, request);
}

void
attempt_messages(struct call *call)
{
	call->with_content = true;
	if (!call_flag(call, "with_content", &call->with_content))
		return;
	struct store_request *request = call_request(call, STORE_ENDPOINT_MESSAGES);
	request->endpoint_ref = arena_copy(&request->arena, call->params[1]);
	if (!take_filter(call, request, true))
		return;
	struct page_rules rules = {.kind = ID_MESSAGE, .descending = true, .timed = true};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_messages);
}

static void
finish_resend(struct call *call, struct store_request *request)
{
	if (call_succeeded(call, request))
		call_answer(call, 202, SLICE("{}"));
}

void
attempt_resend(struct call *call)
{
	struct store_request *request = call_request(call, STORE_RESEND);
	request->message_ref = arena_copy(&request->arena, call->params[1]);
	request->endpoint_ref = arena_copy(&request->arena, call->params[2]);
	call_idempotent(call, request);
	call_submit(call, request, finish_resend);
}
