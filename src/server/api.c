/* From an exchange to its handler: route, token, right, and then the resource.
 *
 *   api_request ── route ──▶ token known? ──▶ role and organisation ──▶ handler ──▶ store ──▶ finish ──▶ answer
 *                              │ not for a second: asks the store   │ the path has a uid: asks the store
 * Each arrow that waits for the store leaves the call with `pending` and `finish` set. */
#include "server/resources.h"

#include "base/encode.h"
#include "model/versions.h"

#include <stdlib.h>

enum {
	ANSWER_BYTES_MAX = 384 << 20,
	ALLOW_BYTES_MAX = 128,
	ACCEPTING_OVERHEAD = 4096, /* of a request and its connection, beside the payload */
};

/* The organisation that holds the platform's own endpoints is there from the first start on. */
static void
make_management(struct api *api)
{
	struct store_request *request = store_request_new(STORE_ORGANISATION_CREATE, clock_wall());
	request->reply_to = api->options.mailbox;
	request->reply_kind = api->options.reply_kind;
	request->admin->organisation =
	    (struct organisation){.name = SLICE("Vaultbell"), .uid = STORE_MANAGEMENT_UID, .metadata = SLICE("{}")};
	request->get_if_exists = true;
	mail_list_add(&api->gathered, &request->mail);
}

struct api *
api_new(const struct api_options *options)
{
	struct api *api = mem_zero(1, sizeof *api);
	api->options = *options;
	mail_list_init(&api->gathered);
	buf_init(&api->out, ANSWER_BYTES_MAX);
	buf_init(&api->jwks, ANSWER_BYTES_MAX);
	buf_init(&api->openapi, ANSWER_BYTES_MAX);
	const struct config *config = options->config;
	api->pressure.limits = (struct pressure_limits){
	    .queue_bytes = config->ingest_queue_mib << 20,
	    .memory_bytes = config->ingest_memory_mib << 20,
	    .disk_floor_bytes = options->disk_floor_bytes,
	};
	make_management(api);
	tasks_go_on(api);
	return api;
}

void
api_free(struct api *api)
{
	if (api == NULL)
		return;
	struct mail *mail;
	while ((mail = mail_list_pop(&api->gathered)) != NULL)
		store_request_free(CONTAINER_OF(mail, struct store_request, mail));
	buf_free(&api->out);
	buf_free(&api->jwks);
	buf_free(&api->openapi);
	free(api);
}

int64_t
api_turn(struct api *api)
{
	struct wall_time now = clock_wall();
	changes_go_on(api, now);
	api_flush(api);
	if (api->changing || api->change_due.us == WALL_NEVER.us)
		return -1;
	return api->change_due.us <= now.us ? 0 : api->change_due.us - now.us;
}

void
api_flush(struct api *api)
{
	if (api->gathered.first != NULL)
		store_runner_submit_list(api->options.runner, &api->gathered);
}

void
api_gone(struct api *api, struct http_exchange *exchange)
{
	(void)api;
	struct call *call = exchange->owner;
	if (call == NULL || call->pending == NULL)
		return;
	call->pending->owner = NULL;
	call->pending = NULL;
}

/* Replies come in the order of their effects, so what was read before a change is also kept before it. */
static bool
changes_keys(enum store_kind kind)
{
	return kind == STORE_CHANGE_DECIDE || kind == STORE_CHANGE_STEP || kind == STORE_ENDPOINT_CREATE ||
	       kind == STORE_ENDPOINT_EDIT || kind == STORE_ENDPOINT_DELETE || kind == STORE_ORGANISATION_DELETE ||
	       kind == STORE_ORGANISATION_EDIT;
}

void
api_reply(struct api *api, struct store_request *request)
{
	if (changes_keys(request->kind))
		api->jwks_written = WALL_NONE;
	if (request->kind == STORE_TOKEN_REVOKE || request->kind == STORE_TOKEN_EXPIRE ||
	    request->kind == STORE_CHANGE_DECIDE || request->kind == STORE_CHANGE_STEP ||
	    request->kind == STORE_ORGANISATION_DELETE)
		api->auth = (struct auth_cache){0};
	if (request->kind == STORE_TASK_STEP)
		tasks_stepped(api, request);
	if (request->kind == STORE_CHANGE_STEP)
		changes_stepped(api, request);
	if (request->kind == STORE_ACCEPT)
		api->accepting_bytes -= request->accepting_bytes;
	struct call *call = request->owner;
	if (call != NULL) {
		ENSURE(call->pending == request);
		call->pending = NULL;
		call->finish(call, request);
	}
	store_request_free(request);
}

/* --- requests to the store --------------------------------------------------------------------------- */

struct store_request *
call_request(struct call *call, enum store_kind kind)
{
	struct store_request *request = store_request_new(kind, call->now);
	request->reply_to = call->api->options.mailbox;
	request->reply_kind = call->api->options.reply_kind;
	request->owner = call;
	if (call->param_count > 0)
		request->ref = arena_copy(&request->arena, call->params[0]);
	request->actor = (struct store_actor){.present = true, .token = call->token.id, .role = call->token.role};
	call->check.arena = &call->exchange->arena;
	return request;
}

static void
scope_hash(const struct call *call, struct slice key, struct slice part, unsigned char out[static SHA256_BYTES])
{
	struct slice text =
	    arena_printf(&call->exchange->arena, "%lld\n%.*s\n%.*s%s%.*s", (long long)call->token.organisation.value,
		SLICE_ARG(call->exchange->path), SLICE_ARG(key), part.len > 0 ? "\n" : "", SLICE_ARG(part));
	sha256(text, out);
}

void
call_idempotent_part(struct call *call, struct store_request *request, struct slice part)
{
	struct slice key = http_header(call->exchange, "idempotency-key");
	if (!slice_present(key) || key.len == 0)
		return;
	request->idempotency.present = true;
	scope_hash(call, key, part, request->idempotency.key);
	sha256(call->exchange->body, request->idempotency.body);
}

void
call_idempotent(struct call *call, struct store_request *request)
{
	call_idempotent_part(call, request, SLICE(""));
}

void
call_submit(struct call *call, struct store_request *request, call_finish *finish)
{
	ENSURE(call->pending == NULL);
	if (request->kind == STORE_ACCEPT) {
		/* Remembered in the request: the payload may be gone from it when it comes back. */
		request->accepting_bytes = ACCEPTING_OVERHEAD + (int64_t)versions_bytes(request->message);
		call->api->accepting_bytes += request->accepting_bytes;
	}
	call->pending = request;
	call->finish = finish;
	mail_list_add(&call->api->gathered, &request->mail);
}

/* --- rights ------------------------------------------------------------------------------------------ */

static void
run(struct call *call)
{
	if (slice_is(call->exchange->method, "POST")) {
		struct slice key = http_header(call->exchange, "idempotency-key");
		if (key.len > LIMIT_IDEMPOTENCY_KEY_BYTES) {
			call->check.root = "header";
			check_fail(&call->check, CHECK_VALUE, "idempotency-key", "The key may have at most %d bytes.",
			    LIMIT_IDEMPOTENCY_KEY_BYTES);
			call_faults(call);
			return;
		}
	}
	call->route->handle(call);
}

/* The path's organisation is told by its uid: is it the token's own? */
static void
finish_own_organisation(struct call *call, struct store_request *request)
{
	bool own = request->status == OK && slice_equal(request->admin->organisation.uid, call->params[0]);
	if (!own && (request->status == OK || request->status == ERR_NOT_FOUND)) {
		call_problem(call, 404, "not_found", "There is no such organisation.");
		return;
	}
	if (!call_succeeded(call, request))
		return;
	/* By its id from here on: until the store looks again, the uid may have become another organisation's. */
	char own_id[ID_TEXT_BYTES];
	id_format(ID_ORGANISATION, call->token.organisation.value, own_id);
	call->params[0] = arena_copy(&call->exchange->arena, slice_of(own_id));
	run(call);
}

static void
authorise(struct call *call)
{
	enum access access = call->route->access;
	bool platform = token_is_platform(&call->token);
	if (call->token.scope[0] != '\0') {
		call_problem(call, 403, "insufficient access", "The token is one of a receiver.");
		return;
	}
	if ((access == ACCESS_PLATFORM && !platform) || !role_may(call->token.role, call->route->permission)) {
		call_problem(call, 403, "insufficient access", "The token's role may not do this.");
		return;
	}
	if (platform || access != ACCESS_ORGANISATION) {
		run(call);
		return;
	}
	char own[ID_TEXT_BYTES];
	id_format(ID_ORGANISATION, call->token.organisation.value, own);
	if (slice_is(call->params[0], own)) {
		run(call);
		return;
	}
	if (slice_starts(call->params[0], slice_of(id_prefix(ID_ORGANISATION)))) {
		call_problem(call, 404, "not_found", "There is no such organisation.");
		return;
	}
	struct store_request *request = call_request(call, STORE_ORGANISATION_GET);
	request->ref = arena_copy(&request->arena, slice_of(own));
	call_submit(call, request, finish_own_organisation);
}

static void
refuse_token(struct call *call)
{
	call_problem(call, 401, "authentication_failed", "Invalid token: it is missing, unknown or has expired.");
}

/* Nobody waits for this one. */
static void
note_use(struct call *call)
{
	if (call->now.us - call->token.used.us < TOKEN_USED_US)
		return;
	struct store_request *request = call_request(call, STORE_TOKEN_USED);
	request->owner = NULL;
	request->admin->token.id = call->token.id;
	call->token.used = call->now;
	mail_list_add(&call->api->gathered, &request->mail);
}

static void
finish_token(struct call *call, struct store_request *request)
{
	if (request->status == ERR_NOT_FOUND) {
		refuse_token(call);
		return;
	}
	if (!call_succeeded(call, request))
		return;
	call->token = request->admin->token;
	if (token_expired(&call->token, call->now)) {
		refuse_token(call);
		return;
	}
	note_use(call);
	auth_cache_put(&call->api->auth, &call->token, call->now);
	authorise(call);
}

static void
authenticate(struct call *call)
{
	struct slice text = auth_bearer(http_header(call->exchange, "authorization"));
	if (!slice_present(text)) {
		refuse_token(call);
		return;
	}
	unsigned char hash[SHA256_BYTES];
	sha256(text, hash);
	const struct token *known = auth_cache_get(&call->api->auth, hash, call->now);
	if (known != NULL && !token_expired(known, call->now)) {
		call->token = *known;
		authorise(call);
		return;
	}
	struct store_request *request = call_request(call, STORE_TOKEN_GET);
	memcpy(request->admin->token.hash, hash, sizeof hash);
	call_submit(call, request, finish_token);
}

/* --- routes ------------------------------------------------------------------------------------------ */

/* Splits the path below /api/v1; false when it is not below it or has too many parts. */
static bool
split(struct slice path, struct slice *segments, size_t *count)
{
	while (slice_starts(path, SLICE("//")))
		path = slice_skip(path, 1);
	if (!slice_starts(path, SLICE("/api/v1/")))
		return false;
	path = slice_skip(path, strlen("/api/v1/"));
	if (path.len > 0 && path.ptr[path.len - 1] == '/')
		path.len--;
	*count = 0;
	while (slice_present(path)) {
		if (*count == CALL_SEGMENTS_MAX)
			return false;
		segments[(*count)++] = slice_cut(&path, '/');
	}
	if (slice_is(segments[0], "org"))
		segments[0] = SLICE("app");
	return true;
}

/* Takes the parameters out of the path; false when an escape in one is broken or one is empty. */
static bool
take_params(struct call *call, const struct slice *segments)
{
	struct slice rest = slice_of(call->route->pattern);
	if ((call->route->flags & ROUTE_MANAGEMENT) != 0)
		call->params[call->param_count++] = STORE_MANAGEMENT_UID;
	for (size_t i = 0; slice_present(rest); i++) {
		struct slice part = slice_cut(&rest, '/');
		if (!route_parameter(part))
			continue;
		struct slice value = percent_decode(&call->exchange->arena, segments[i], false);
		/* What is hidden has a name with a dollar sign, so nobody can ask for it. */
		if (value.len == 0 || value.ptr[0] == '$' || memchr(value.ptr, '\0', value.len) != NULL)
			return false;
		ENSURE(call->param_count < CALL_PARAMS_MAX);
		call->params[call->param_count++] = value;
	}
	return true;
}

static void
no_route(struct call *call, const struct buf *allow)
{
	if (allow->len == 0) {
		call_problem(call, 404, "not_found", "There is nothing at this path.");
		return;
	}
	struct slice body =
	    SLICE("{\"code\":\"method_not_allowed\",\"detail\":\"The path does not take this method.\"}");
	struct http_header items[] = {
	    {SLICE("allow"), buf_slice(allow)},
	    {SLICE("access-control-allow-origin"), SLICE("*")},
	};
	http_reply(call->exchange, 405, body, &(struct http_headers){items, COUNT_OF(items)});
}

/* A browser asks before it sends: any origin may, since what counts is the token. */
static void
answer_preflight(struct http_exchange *exchange)
{
	struct slice asked = http_header(exchange, "access-control-request-headers");
	struct http_header items[] = {
	    {SLICE("access-control-allow-origin"), SLICE("*")},
	    {SLICE("access-control-allow-methods"), SLICE("GET, HEAD, POST, PUT, PATCH, DELETE")},
	    {SLICE("access-control-max-age"), SLICE("600")},
	    {SLICE("access-control-allow-headers"), slice_present(asked) ? asked : SLICE("*")},
	};
	http_reply(exchange, 204, SLICE(""), &(struct http_headers){items, COUNT_OF(items)});
}

void
api_request(struct api *api, struct http_exchange *exchange)
{
	if (slice_is(exchange->method, "OPTIONS")) {
		answer_preflight(exchange);
		return;
	}
	if (api->step_failed.us != 0)
		tasks_go_on(api);
	struct call *call = arena_alloc(&exchange->arena, sizeof *call);
	call->api = api;
	call->exchange = exchange;
	call->now = clock_wall();
	check_init(&call->check, &exchange->arena, "body");
	exchange->owner = call;
	struct slice segments[CALL_SEGMENTS_MAX] = {{NULL, 0}};
	size_t count = 0;
	char allow_bytes[ALLOW_BYTES_MAX];
	struct buf allow = {.data = allow_bytes, .capacity = sizeof allow_bytes, .max = sizeof allow_bytes};
	call->route = route_outside(exchange->method, exchange->path);
	if (call->route == NULL && split(exchange->path, segments, &count))
		call->route = route_find(exchange->method, segments, count, &allow);
	if (call->route == NULL) {
		no_route(call, &allow);
		return;
	}
	struct error error = ERROR_NONE;
	if (!take_params(call, segments))
		call_problem(call, 404, "not_found", "A part of the path is empty or has a broken percent-escape.");
	else if (query_parse(exchange->query, &exchange->arena, &call->query, &error) != OK)
		call_problem(call, 400, "generic_error", "%s", error.text);
	else if (call->route->access == ACCESS_OPEN)
		run(call);
	else
		authenticate(call);
}
