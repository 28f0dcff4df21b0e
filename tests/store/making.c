/* Organisations, endpoints, messages and attempts in one line each. */
#include "conformance.h"

struct organisation_id
make_organisation(struct subject *subject, const char *uid)
{
	struct store_request *request = ask(subject, STORE_ORGANISATION_CREATE);
	request->admin->organisation = (struct organisation){
	    .name = SLICE("Custody Bank"),
	    .uid = slice_of(uid),
	    .metadata = SLICE("{}"),
	};
	assert_int_equal(run(subject, request), OK);
	struct organisation_id id = request->admin->organisation.id;
	store_request_free(request);
	return id;
}

struct store_request *
ask_endpoint(struct subject *subject, const char *organisation, const char *uid)
{
	struct store_request *request = ask(subject, STORE_ENDPOINT_CREATE);
	request->ref = slice_of(organisation);
	request->admin->endpoint = (struct endpoint){
	    .url = SLICE("https://example.com/in"),
	    .uid = slice_of(uid),
	    .description = SLICE(""),
	    .metadata = SLICE("{}"),
	    .headers = SLICE("{}"),
	    .version = 1,
	};
	return request;
}

struct endpoint_id
make_endpoint(struct subject *subject, const char *organisation, const char *uid)
{
	struct store_request *request = ask_endpoint(subject, organisation, uid);
	assert_int_equal(run(subject, request), OK);
	struct endpoint_id id = request->admin->endpoint.id;
	store_request_free(request);
	return id;
}

void
expect(struct subject *subject, struct store_request *request, enum error_code code, enum store_detail detail)
{
	assert_int_equal(run(subject, request), code);
	assert_int_equal(request->detail, detail);
	store_request_free(request);
}

static enum error_code
edit_state(void *context, struct arena *arena UNUSED, struct endpoint *endpoint, bool existed UNUSED,
    struct error *error UNUSED)
{
	const enum endpoint_state *state = context;
	endpoint->state = *state;
	return OK;
}

void
set_endpoint_state(struct subject *subject, const char *organisation, const char *endpoint, enum endpoint_state state)
{
	struct store_request *request = ask(subject, STORE_ENDPOINT_EDIT);
	request->ref = slice_of(organisation);
	request->endpoint_ref = slice_of(endpoint);
	request->admin->edit_endpoint = edit_state;
	request->admin->edit_context = &state;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->endpoint.state, state);
	store_request_free(request);
}

struct store_request *
ask_accept(struct subject *subject, const char *organisation, const char *type, int number)
{
	struct store_request *request = ask(subject, STORE_ACCEPT);
	request->ref = slice_of(organisation);
	request->message = test_message(type, number);
	request->message->event_id = arena_printf(&request->message->arena, "event-%d", number);
	return request;
}

struct message_id
accept_message(struct subject *subject, const char *organisation, const char *type, int number)
{
	struct store_request *request = ask_accept(subject, organisation, type, number);
	assert_int_equal(run(subject, request), OK);
	struct message_id id = request->message->id;
	store_request_free(request);
	return id;
}

struct store_request *
ask_record(struct subject *subject, struct message_id message, struct endpoint_id endpoint, enum delivery_state state)
{
	struct store_request *request = ask(subject, STORE_RECORD);
	request->record = (struct store_record){
	    .message = message,
	    .endpoint = endpoint,
	    .state = state,
	    .due = {request->now.us + 5000},
	    .attempt = {.number = 1, .status_code = 200, .duration_ms = 12, .response = SLICE("fine")},
	};
	return request;
}

void
record_attempt(struct subject *subject, struct message_id message, struct endpoint_id endpoint,
    enum delivery_state state, int status_code)
{
	struct store_request *request = ask_record(subject, message, endpoint, state);
	request->record.attempt.status_code = status_code;
	request->record.attempt.succeeded = state == DELIVERY_DELIVERED;
	expect(subject, request, OK, STORE_DETAIL_NONE);
}
