/* A step of a plan, made so through the API. */
#include "cli/api_client.h"
#include "cli/apply.h"

enum { HELD = 202 };

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
		if (member->form == FORM_HEADERS) {
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

/* What is governed is answered 202 and done when somebody has approved it. */
static enum error_code
call(struct api_client *client, const struct api_request *request, size_t *requested, struct error *error)
{
	struct api_answer answer;
	enum error_code code = api_client_call(client, request, &answer, error);
	*requested += code == OK && answer.status == HELD;
	return code;
}

static enum error_code
run_change(
    struct api_client *client, const struct apply_step *step, struct slice path, size_t *requested, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	struct json_writer writer;
	struct buf body;
	enum error_code code = OK;
	body_init(&body);
	if (step->rows != 0) {
		json_writer_init(&writer, &body);
		put_changes(&writer, step);
		struct api_request request = {.method = "PATCH", .path = path, .body = buf_slice(&body)};
		code = call(client, &request, requested, error);
	}
	if (code == OK && slice_present(step->headers)) {
		buf_clear(&body);
		json_writer_init(&writer, &body);
		json_open(&writer, '{');
		code = put_headers(&writer, step->headers, true, error);
		if (code == OK) {
			json_close(&writer);
			struct api_request request = {.method = "PATCH", .body = buf_slice(&body)};
			request.path = arena_printf(&arena, "%.*s/headers", SLICE_ARG(path));
			code = call(client, &request, requested, error);
		}
	}
	body_free(&body);
	arena_free(&arena);
	return code;
}

static enum error_code
run_creation(struct api_client *client, const struct apply_step *step, struct slice path, size_t number,
    size_t *requested, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	struct json_writer writer;
	struct buf body;
	body_init(&body);
	json_writer_init(&writer, &body);
	enum error_code code = put_creation(&writer, step->item, error);
	if (code == OK) {
		struct api_request request = {.method = "POST", .path = path, .body = buf_slice(&body)};
		request.key = arena_printf(&arena, "%zu", number);
		code = call(client, &request, requested, error);
	}
	body_free(&body);
	arena_free(&arena);
	return code;
}

enum error_code
apply_step_run(
    struct api_client *client, const struct apply_step *step, size_t number, size_t *requested, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	struct slice path = path_of(&arena, step);
	struct api_request request = {.method = "DELETE", .path = path};
	enum error_code code = OK;
	switch (step->action) {
	case APPLY_CREATE: code = run_creation(client, step, path, number, requested, error); break;
	case APPLY_CHANGE: code = run_change(client, step, path, requested, error); break;
	case APPLY_DELETE: code = call(client, &request, requested, error); break;
	case APPLY_ACTION_COUNT: UNREACHABLE();
	}
	arena_free(&arena);
	return code;
}
