/* An endpoint's secret and its custom headers: read and written apart from the rest of it. */
#include "server/endpoint_keys.h"
#include "server/out.h"
#include "server/resources.h"

static struct store_request *
request_for(struct call *call, enum store_kind kind)
{
	struct store_request *request = call_request(call, kind);
	request->endpoint_ref = arena_copy(&request->arena, call->params[1]);
	return request;
}

/* --- the secret -------------------------------------------------------------------------------------- */

static void
finish_secret(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	const struct endpoint *endpoint = &request->admin->endpoint;
	struct key *key = NULL;
	struct error error = ERROR_NONE;
	enum error_code code = ERR_NOT_FOUND;
	if (endpoint->key_count > 0)
		code = endpoint_key_open(call->api->options.sealer, endpoint->scheme, &endpoint->keys[0], &key, &error);
	if (code != OK) {
		log_write(
		    call->api->options.log, LOG_ERROR, "endpoint key cannot be opened", "error", error.text, NULL);
		call_problem(call, 500, "server_error", "The endpoint's key cannot be opened.");
		return;
	}
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	json_put_string(writer, "key", key_shared_text(&call->exchange->arena, key));
	json_close(writer);
	key_unref(key);
	call_end(call, 200);
}

void
endpoint_secret(struct call *call)
{
	call_submit(call, request_for(call, STORE_ENDPOINT_GET), finish_secret);
}

struct rotation {
	struct endpoint_key fresh;
	enum sign_scheme scheme; /* that the key was made for */
	struct wall_time now, until;
};

static enum error_code
edit_rotate(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	(void)arena, (void)existed;
	const struct rotation *rotation = context;
	if (endpoint->key_scope == KEY_SCOPE_ORGANISATION)
		return error_set(error, ERR_INVALID,
		    "The endpoint signs with its organisation's key: rotate that one, with POST …/signing-key/rotate.");
	if (!scheme_takes(endpoint->scheme, rotation->fresh.type))
		return error_set(error, ERR_INVALID, "The endpoint's scheme has changed meanwhile; rotate again.");
	return endpoint_keys_rotate(endpoint, &rotation->fresh, rotation->now, rotation->until, error);
}

bool
call_rotate_body(struct call *call, bool public, struct rotate_in *out)
{
	struct json body = {JSON_OBJECT, SLICE("{}")};
	if (call->exchange->body.len > 0 && !call_body(call, &body))
		return false;
	struct in in = {&call->exchange->arena, &call->check, false};
	rotate_in_read(&in, body, public, out);
	return call_checked(call, NULL);
}

/* Knows the endpoint, and with it which key is to be made. */
static void
finish_rotate_read(struct call *call, struct store_request *read)
{
	struct rotate_in given;
	if (!call_succeeded(call, read) || !call_rotate_body(call, false, &given))
		return;
	struct store_request *request = request_for(call, STORE_ENDPOINT_EDIT);
	struct rotation *rotation = arena_alloc(&request->arena, sizeof *rotation);
	rotation->now = call->now;
	rotation->until.us = call->now.us + given.grace_s * 1000000;
	rotation->scheme = read->admin->endpoint.scheme;
	struct in in = {&request->arena, &call->check, false};
	(void)endpoint_key_next(
	    &in, &read->admin->endpoint, given.key, call->api->options.sealer, call->now, &rotation->fresh);
	request->admin->secret_mark = endpoint_key_mark(&request->arena, call->api->options.sealer,
	    arena_printf(&request->arena, "%lld", (long long)given.grace_s), given.key);
	request->admin->edit_endpoint = edit_rotate;
	request->admin->edit_context = rotation;
	request->audit_action = "endpoint.key.rotate";
	call->invalid = "key";
	call_idempotent(call, request);
	if (call_checked(call, request))
		call_submit(call, request, call_end_empty);
}

void
endpoint_rotate(struct call *call)
{
	struct rotate_in given;
	if (call_rotate_body(call, false, &given))
		call_submit(call, request_for(call, STORE_ENDPOINT_GET), finish_rotate_read);
}

/* --- custom headers ---------------------------------------------------------------------------------- */

static void
finish_headers(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	out_endpoint_headers(call_write(call), request->admin->endpoint.headers, &call->exchange->arena);
	call_end(call, 200);
}

void
endpoint_headers(struct call *call)
{
	call_submit(call, request_for(call, STORE_ENDPOINT_GET), finish_headers);
}

static enum error_code
edit_headers_replace(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	(void)arena, (void)existed, (void)error;
	endpoint->headers = *(const struct slice *)context;
	return OK;
}

/* Whether `changes` names this header; header names compare without case. */
static bool
names_header(struct arena *arena, struct json changes, struct slice name)
{
	struct json_iterator iterator = json_iterate(changes);
	struct json key, value;
	while (json_next(&iterator, &key, &value))
		if (slice_equal_nocase(json_text(arena, key), name))
			return true;
	return false;
}

/* What is there and not named by the changes, then the changes that are not null. */
static enum error_code
edit_headers_merge(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	(void)existed;
	enum { MERGED_BYTES_MAX = 128 << 10 };
	struct json changes = {JSON_OBJECT, *(const struct slice *)context}, key, value;
	struct json current = {JSON_OBJECT, endpoint->headers.len == 0 ? SLICE("{}") : endpoint->headers};
	struct buf out;
	struct json_writer writer;
	buf_init(&out, MERGED_BYTES_MAX);
	json_writer_init(&writer, &out);
	json_open(&writer, '{');
	struct json_iterator iterator = json_iterate(current);
	while (json_next(&iterator, &key, &value)) {
		struct slice name = json_text(arena, key);
		if (names_header(arena, changes, name))
			continue;
		json_key_slice(&writer, name);
		json_raw(&writer, value.raw);
	}
	iterator = json_iterate(changes);
	while (json_next(&iterator, &key, &value)) {
		if (value.type == JSON_NULL)
			continue;
		json_key_slice(&writer, json_text(arena, key));
		json_raw(&writer, value.raw);
	}
	json_close(&writer);
	bool overflow = out.overflow;
	if (!overflow)
		endpoint->headers = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return overflow ? error_set(error, ERR_INVALID, "The headers together are too large.") : OK;
}

static void
submit_headers(struct call *call, bool patch)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = request_for(call, STORE_ENDPOINT_EDIT);
	struct slice *headers = arena_alloc(&request->arena, sizeof *headers);
	*headers = headers_in_read(&(struct in){&request->arena, &call->check, patch}, body).raw;
	request->admin->edit_endpoint = patch ? edit_headers_merge : edit_headers_replace;
	request->admin->edit_context = headers;
	request->audit_action = "endpoint.headers.update";
	call->invalid = "headers";
	if (call_checked(call, request))
		call_submit(call, request, call_end_empty);
}

void
endpoint_headers_put(struct call *call)
{
	submit_headers(call, false);
}

void
endpoint_headers_patch(struct call *call)
{
	submit_headers(call, true);
}
