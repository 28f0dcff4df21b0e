/* A step of a plan, made so through the API. */
#include "cli/api_client.h"
#include "cli/apply.h"

enum { BODY_BYTES_MAX = 64 << 20, BODY_BYTES_USUAL = 1 << 20 };

/* A request's body may hold secrets: it is not moved while it grows, as far as it can be, and wiped. */
static void
body_init(struct buf *body)
{
	buf_init(body, BODY_BYTES_MAX);
	ENSURE(buf_reserve(body, BODY_BYTES_USUAL) != NULL);
}

static void
body_free(struct buf *body)
{
	explicit_bzero(body->data, body->len);
	buf_free(body);
}

static enum error_code
put_fetched(struct json_writer *writer, struct json reference, struct error *error)
{
	struct buf text;
	buf_init(&text, LIMIT_SECRET_FILE_BYTES);
	enum error_code code = apply_reference_fetch(reference, &text, error);
	if (code == OK)
		json_string(writer, buf_slice(&text));
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	return code;
}

/* `removes`: null takes a header away; else there is none to take. */
static enum error_code
put_headers(struct json_writer *writer, struct slice headers, bool removes, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	enum error_code code = OK;
	json_key(writer, "headers");
	json_open(writer, '{');
	struct json_iterator iterator = json_iterate(apply_json(headers));
	struct json key, value;
	while (code == OK && json_next(&iterator, &key, &value)) {
		if (value.type == JSON_NULL && !removes)
			continue;
		json_key_slice(writer, json_text(&arena, key));
		if (!apply_is_reference(value))
			json_raw(writer, value.raw);
		else if (json_present(json_member(value, "value")))
			json_raw(writer, json_member(value, "value").raw);
		else
			code = put_fetched(writer, value, error);
	}
	if (code == OK)
		json_close(writer);
	arena_free(&arena);
	return code;
}

/* With the secrets that its references name. */
static enum error_code
put_authentication(struct json_writer *writer, struct slice authentication, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	struct json_iterator sections = json_iterate(apply_json(authentication));
	struct json name, section, key, value;
	enum error_code code = OK;
	json_open(writer, '{');
	while (code == OK && json_next(&sections, &name, &section)) {
		json_key_slice(writer, json_text(&arena, name));
		json_open(writer, '{');
		struct json_iterator members = json_iterate(section);
		while (code == OK && json_next(&members, &key, &value)) {
			json_key_slice(writer, json_text(&arena, key));
			if (!apply_is_reference(value))
				json_raw(writer, value.raw);
			else if (json_present(json_member(value, "value")))
				json_raw(writer, json_member(value, "value").raw);
			else
				code = put_fetched(writer, value, error);
		}
		if (code == OK)
			json_close(writer);
	}
	if (code == OK)
		json_close(writer);
	arena_free(&arena);
	return code;
}

/* A new type is not archived at first: the plan does that when what subscribes to it is there. */
static enum error_code
put_creation(struct json_writer *writer, const struct apply_item *item, struct error *error)
{
	const struct apply_members *members = apply_members(item->kind);
	enum error_code code = OK;
	json_open(writer, '{');
	for (size_t row = 0; code == OK && row < members->count; row++) {
		const struct apply_member *member = &members->items[row];
		struct slice value = item->values[row];
		bool left_out =
		    member->fallback != NULL && member->form != FORM_TEXT && slice_is(value, member->fallback);
		if (!slice_present(value) || left_out)
			continue;
		if (item->kind == APPLY_TYPE && row == apply_row_of(APPLY_TYPE, SLICE("archived")))
			continue;
		if (member->apart && (member->form != FORM_AUTHENTICATION || slice_is(value, "{}")))
			continue;
		if (member->form == FORM_AUTHENTICATION) {
			json_key(writer, member->name);
			code = put_authentication(writer, value, error);
		} else if (member->form == FORM_HEADERS) {
			code = put_headers(writer, value, false, error);
		} else {
			json_key(writer, member->name);
			if (member->form == FORM_SECRET)
				code = put_fetched(writer, apply_json(value), error);
			else
				json_raw(writer, value);
		}
	}
	if (code == OK)
		json_close(writer);
	return code;
}

static void
put_changes(struct json_writer *writer, const struct apply_step *step)
{
	const struct apply_members *members = apply_members(step->item->kind);
	json_open(writer, '{');
	for (size_t row = 0; row < members->count; row++)
		if ((step->rows >> row & 1) != 0) {
			json_key(writer, members->items[row].name);
			json_raw(writer, apply_wanted(step, row));
		}
	json_close(writer);
}

/* --- requests --------------------------------------------------------------------------------------- */

/* Of the thing itself, or, to create it, of the list that it joins. */
static struct slice
path_of(struct arena *arena, const struct apply_step *step)
{
	const struct apply_item *item = step->item;
	struct slice name = step->action == APPLY_CREATE ? SLICE("") : item->name;
	const char *slash = step->action == APPLY_CREATE ? "" : "/";
	switch (item->kind) {
	case APPLY_TYPE: return arena_printf(arena, "/event-type%s%.*s", slash, SLICE_ARG(name));
	case APPLY_ORGANISATION: return arena_printf(arena, "/app%s%.*s", slash, SLICE_ARG(name));
	case APPLY_ENDPOINT:
		return arena_printf(
		    arena, "/app/%.*s/endpoint%s%.*s", SLICE_ARG(step->organisation->name), slash, SLICE_ARG(name));
	case APPLY_KIND_COUNT: break;
	}
	UNREACHABLE();
}

/* One step on its way: its requests, and what they are answered. */
struct run {
	struct api_client *client;
	const struct apply_step *step;
	size_t number;
	struct slice path;
	struct apply_result *result;
	struct error *error;
	struct arena arena;
	struct buf body;
};

/* What is governed is answered 202 and done when somebody has approved it. */
static enum error_code
call(struct run *run, const struct api_request *request)
{
	struct api_answer answer;
	enum error_code code = api_client_call(run->client, request, &answer, run->error);
	if (code == OK)
		apply_waiting_take(run->step, &answer, run->result);
	return code;
}

/* With what has been written to the body, below the step's path. */
static enum error_code
send(struct run *run, const char *method, const char *below, const char *key)
{
	struct api_request request = {.method = method, .body = buf_slice(&run->body)};
	request.path = arena_printf(&run->arena, "%.*s%s", SLICE_ARG(run->path), below);
	if (key != NULL)
		request.key = arena_printf(&run->arena, "%zu%s", run->number, key);
	return call(run, &request);
}

static struct json_writer
begin(struct run *run)
{
	struct json_writer writer;
	explicit_bzero(run->body.data, run->body.len);
	buf_clear(&run->body);
	json_writer_init(&writer, &run->body);
	return writer;
}

static enum error_code
send_headers(struct run *run)
{
	struct json_writer writer = begin(run);
	json_open(&writer, '{');
	enum error_code code = put_headers(&writer, run->step->headers, true, run->error);
	if (code != OK)
		return code;
	json_close(&writer);
	return send(run, "PATCH", "/headers", NULL);
}

static enum error_code
send_authentication(struct run *run)
{
	struct json_writer writer = begin(run);
	enum error_code code = put_authentication(&writer, run->step->authentication, run->error);
	return code == OK ? send(run, "PUT", "/authentication", NULL) : code;
}

static enum error_code
send_governance(struct run *run)
{
	struct json_writer writer = begin(run);
	struct json_iterator iterator = json_iterate(apply_json(run->step->governance));
	struct json key, value;
	json_open(&writer, '{');
	if (!apply_governance_governs(run->step->governance)) {
		json_key(&writer, "governed");
		json_raw(&writer, SLICE("[]"));
	}
	while (json_next(&iterator, &key, &value)) {
		json_key_slice(&writer, json_text(&run->arena, key));
		json_raw(&writer, value.raw);
	}
	json_close(&writer);
	return send(run, "PUT", "/governance", NULL);
}

static enum error_code
send_signing_key(struct run *run)
{
	struct json_writer writer = begin(run);
	const struct apply_item *item = run->step->item;
	run->path = arena_printf(&run->arena, "/app/%.*s", SLICE_ARG(item->name));
	json_open(&writer, '{');
	json_key(&writer, "keyType");
	json_raw(&writer, item->values[apply_row_of(APPLY_ORGANISATION, SLICE("signingKey"))]);
	json_close(&writer);
	return send(run, "POST", "/signing-key/rotate", "-key");
}

static enum error_code
run_change(struct run *run)
{
	const struct apply_step *step = run->step;
	enum error_code code = OK;
	if (step->rows != 0) {
		struct json_writer writer = begin(run);
		put_changes(&writer, step);
		code = send(run, "PATCH", "", NULL);
	}
	if (code == OK && slice_present(step->headers))
		code = send_headers(run);
	if (code == OK && slice_present(step->authentication))
		code = send_authentication(run);
	if (code == OK && slice_present(step->governance))
		code = send_governance(run);
	return code == OK && step->signing_key ? send_signing_key(run) : code;
}

static enum error_code
run_creation(struct run *run)
{
	struct json_writer writer = begin(run);
	enum error_code code = put_creation(&writer, run->step->item, run->error);
	if (code == OK)
		code = send(run, "POST", "", "");
	return code == OK && run->step->signing_key ? send_signing_key(run) : code;
}

enum error_code
apply_step_run(struct api_client *client, const struct apply_step *step, size_t number, struct apply_result *result,
    struct error *error)
{
	struct run run = {.client = client, .step = step, .number = number, .result = result, .error = error};
	enum error_code code = OK;
	*result = (struct apply_result){.sent = 0};
	run.path = path_of(&run.arena, step);
	body_init(&run.body);
	struct api_request deletion = {.method = "DELETE", .path = run.path};
	switch (step->action) {
	case APPLY_CREATE: code = run_creation(&run); break;
	case APPLY_CHANGE: code = run_change(&run); break;
	case APPLY_DELETE: code = call(&run, &deletion); break;
	case APPLY_ACTION_COUNT: UNREACHABLE();
	}
	body_free(&run.body);
	arena_free(&run.arena);
	return code;
}
