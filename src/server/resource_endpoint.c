#include "server/endpoint_keys.h"
#include "server/out.h"
#include "server/resources.h"

/* What an edit needs inside the transaction. Lives in the store request's arena. */
struct endpoint_edit {
	struct endpoint_in in;
	struct endpoint_key fresh; /* for an endpoint that the edit makes */
	enum sign_scheme fresh_scheme;
	struct wall_time now;
	bool patch;
	const char *invalid; /* the member to blame */
};

/* Clients of the contract read an endpoint where one is answered: they get it as it is, or as it is to be. It is written
 * from what the change request keeps, so that a repeat says the same. */
static void
answer_held(struct call *call, struct store_request *request)
{
	const struct change_request *change = &request->admin->change;
	bool creation = change->operation == CHANGE_ENDPOINT_CREATE;
	struct endpoint endpoint;
	struct error error = ERROR_NONE;
	enum error_code code =
	    endpoint_decode(creation ? change->after : change->before, &call->exchange->arena, &endpoint, &error);
	if (code != OK) {
		log_write(
		    call->api->options.log, LOG_ERROR, "change request cannot be read", "error", error.text, NULL);
		call_problem(call, 500, "server_error", "The change request was kept, but cannot be shown.");
		return;
	}
	endpoint.state = creation ? change->state_after : change->state_before;
	endpoint.held = -1;
	if (creation)
		endpoint.created = endpoint.updated = change->requested.at;
	out_endpoint_held(call_write(call), &endpoint, change);
	call_end_held(call, request);
}

static void
answer_endpoint(struct call *call, struct store_request *request, int status)
{
	if (request->kind == STORE_ENDPOINT_EDIT)
		call->invalid = ((struct endpoint_edit *)request->admin->edit_context)->invalid;
	if (call_held(request)) {
		answer_held(call, request);
		return;
	}
	if (!call_succeeded(call, request))
		return;
	out_endpoint(call_write(call), &request->admin->endpoint);
	call_end(call, status);
}

static void
finish_get(struct call *call, struct store_request *request)
{
	answer_endpoint(call, request, 200);
}

static void
finish_create(struct call *call, struct store_request *request)
{
	answer_endpoint(call, request, 201);
}

static void
finish_put(struct call *call, struct store_request *request)
{
	answer_endpoint(call, request, request->existed ? 200 : 201);
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
		out_endpoint(&call->writer, &request->endpoints[i]);
		rows_name(&rows, slice_of(id_format(ID_ENDPOINT, request->endpoints[i].id.value, id)));
	}
	rows_end(&rows, request);
}

void
endpoint_list(struct call *call)
{
	bool unowned = false;
	if (!call_flag(call, "owners_missing", &unowned))
		return;
	struct store_request *request = call_request(call, STORE_ENDPOINT_LIST);
	request->filter.unowned = unowned;
	struct page_rules rules = {.kind = ID_ENDPOINT, .descending = true, .ordered = true};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_list);
}

static struct store_request *
request_for(struct call *call, enum store_kind kind)
{
	struct store_request *request = call_request(call, kind);
	request->endpoint_ref = arena_copy(&request->arena, call->params[1]);
	return request;
}

void
endpoint_get(struct call *call)
{
	call_submit(call, request_for(call, STORE_ENDPOINT_GET), finish_get);
}

void
endpoint_delete(struct call *call)
{
	call_submit(call, request_for(call, STORE_ENDPOINT_DELETE), call_end_empty);
}

/* Makes the key that a new endpoint starts with, unless there are faults already. */
static void
prepare_key(struct call *call, const struct in *in, const struct endpoint_in *given, struct endpoint_key *key,
    enum sign_scheme *scheme)
{
	if (call->check.count > 0)
		return;
	const struct api_options *options = &call->api->options;
	(void)endpoint_key_first(
	    in, given, options->config->keys_default_type, options->sealer, call->now, key, scheme);
}

void
endpoint_create(struct call *call)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = call_request(call, STORE_ENDPOINT_CREATE);
	struct in in = {&request->arena, &call->check, false};
	struct endpoint_in given;
	endpoint_in_read(&in, body, call->api->options.config, &given);
	if ((call->route->flags & ROUTE_MANAGEMENT) != 0)
		operational_types_check(&in, &given.value.event_types);
	struct endpoint *endpoint = &request->admin->endpoint;
	request->https_unless_sandbox = !call->api->options.config->delivery_allow_http;
	*endpoint = given.value;
	endpoint->state = given.disabled ? ENDPOINT_DISABLED : ENDPOINT_ACTIVE;
	authentication_with_new(call, request, body);
	if (slice_present(given.secret))
		request->admin->secret_mark = endpoint_key_mark(
		    &request->arena, call->api->options.sealer, request->admin->secret_mark, given.secret);
	prepare_key(call, &in, &given, &endpoint->keys[0], &endpoint->scheme);
	endpoint->key_count = 1;
	verification_want(call, request);
	call->invalid = "keyScope";
	call_idempotent(call, request);
	if (call_checked(call, request))
		call_submit(call, request, finish_create);
}

/* --- edits ------------------------------------------------------------------------------------------- */

static enum error_code
edit_state(struct endpoint *endpoint, bool disabled, struct error *error)
{
	enum endpoint_state to = disabled ? ENDPOINT_DISABLED : ENDPOINT_ACTIVE;
	if (endpoint->state == to)
		return OK;
	if (!endpoint_may_move(endpoint->state, to))
		return error_set(error, ERR_INVALID, "The endpoint is %s and cannot become %s.",
		    endpoint_state_name(endpoint->state), endpoint_state_name(to));
	endpoint->state = to;
	if (to == ENDPOINT_ACTIVE)
		endpoint->failing_since = WALL_NONE;
	return OK;
}

/* Another scope, other keys: those of before sign no longer. Of the organisation's keys the store makes copies. */
static void
edit_scope(const struct endpoint_edit *edit, struct endpoint *endpoint)
{
	endpoint->key_scope = edit->in.value.key_scope;
	if (endpoint->key_scope == KEY_SCOPE_ENDPOINT) {
		endpoint->keys[0] = edit->fresh;
		endpoint->key_count = 1;
	}
	if (edit->in.scheme_given)
		endpoint->scheme = edit->in.value.scheme;
	else if (endpoint->key_scope == KEY_SCOPE_ENDPOINT && !scheme_takes(endpoint->scheme, edit->fresh.type))
		endpoint->scheme = edit->fresh_scheme;
}

/* The scheme after an edit. A replacement that does not name one gets the default, a patch keeps what is there. */
static enum error_code
edit_scheme(const struct endpoint_edit *edit, struct endpoint *endpoint, struct error *error)
{
	enum sign_scheme scheme = endpoint->scheme;
	if (edit->in.scheme_given)
		scheme = edit->in.value.scheme;
	else if (!edit->patch && endpoint->key_count > 0)
		scheme = scheme_default(endpoint->payload_style, endpoint->keys[0].type);
	if (edit->in.key_type_given && endpoint->key_count > 0 && endpoint->keys[0].type != edit->in.key_type)
		return error_set(error, ERR_INVALID, "keyType cannot be edited; rotate in a key of the other type.");
	for (size_t i = 0; i < endpoint->key_count; i++) {
		const struct endpoint_key *key = &endpoint->keys[i];
		bool valid = key->expires.us == 0 || key->expires.us > edit->now.us;
		if (valid && !scheme_takes(scheme, key->type))
			return error_set(error, ERR_INVALID, "The scheme %s does not sign with the endpoint's %s key.",
			    sign_scheme_name(scheme), key_type_name(key->type));
	}
	endpoint->scheme = scheme;
	return OK;
}

static enum error_code
edit_endpoint(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	(void)arena;
	struct endpoint_edit *edit = context;
	/* Back to the URL that it has: another one has nothing more to prove. */
	if (edit->in.url_given && slice_equal(edit->in.value.url, endpoint->url) &&
	    slice_present(endpoint->verification.url))
		endpoint->verification = (struct verification){.attempts = 0};
	endpoint_in_apply(&edit->in, endpoint);
	if (!existed) {
		if (!edit->in.headers_given)
			endpoint->headers = SLICE("{}");
		endpoint->keys[0] = edit->fresh;
		endpoint->key_count = 1;
		endpoint->scheme = edit->fresh_scheme;
		endpoint->key_scope = edit->in.value.key_scope;
		endpoint->state = edit->in.disabled ? ENDPOINT_DISABLED : ENDPOINT_ACTIVE;
		return OK;
	}
	edit->invalid = "signatureScheme";
	enum error_code code = OK;
	if (edit->in.key_scope_given && edit->in.value.key_scope != endpoint->key_scope)
		edit_scope(edit, endpoint);
	else
		code = edit_scheme(edit, endpoint, error);
	if (code != OK)
		return code;
	edit->invalid = "disabled";
	/* A replacement that does not say `disabled` enables what is disabled, but lets what is suspended be. */
	if (edit->in.disabled_given)
		code = edit_state(endpoint, edit->in.disabled, error);
	else if (!edit->patch && endpoint->state == ENDPOINT_DISABLED)
		code = edit_state(endpoint, false, error);
	/* What the store then refuses is that the organisation's keys fit. */
	if (code == OK)
		edit->invalid = "keyScope";
	return code;
}

static void
submit_edit(struct call *call, bool patch, call_finish *finish)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = request_for(call, STORE_ENDPOINT_EDIT);
	struct endpoint_edit *edit = arena_alloc(&request->arena, sizeof *edit);
	struct in in = {&request->arena, &call->check, patch};
	endpoint_in_read(&in, body, call->api->options.config, &edit->in);
	if ((call->route->flags & ROUTE_MANAGEMENT) != 0)
		operational_types_check(&in, &edit->in.value.event_types);
	edit->now = call->now;
	edit->patch = patch;
	/* A secret is for new endpoints; the wire contract's update has none, so it is not looked at. */
	edit->in.secret = SLICE_NONE;
	if (!patch || edit->in.key_scope_given)
		prepare_key(call, &in, &edit->in, &edit->fresh, &edit->fresh_scheme);
	request->https_unless_sandbox = !call->api->options.config->delivery_allow_http;
	request->admin->edit_endpoint = edit_endpoint;
	request->admin->edit_context = edit;
	request->create_missing = !patch;
	verification_want(call, request);
	if (call_checked(call, request))
		call_submit(call, request, finish);
}

void
endpoint_put(struct call *call)
{
	submit_edit(call, false, finish_put);
}

void
endpoint_patch(struct call *call)
{
	submit_edit(call, true, finish_get);
}
