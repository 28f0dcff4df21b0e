/* Values that a file only points to: `{env: NAME}` and `{file: PATH}`. */
#include "cli/apply.h"
#include "cli/input.h"

#include <stdlib.h>

bool
apply_is_reference(struct json value)
{
	return value.type == JSON_OBJECT;
}

static enum error_code
fetch_env(const char *name, struct buf *out, struct error *error)
{
	const char *text = getenv(name);
	if (text == NULL || text[0] == '\0')
		return error_set(error, ERR_INVALID, "found no %s in the environment; expected the value there", name);
	buf_text(out, text);
	return OK;
}

enum error_code
apply_reference_fetch(struct json reference, struct buf *out, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	struct json env = json_member(reference, "env"), file = json_member(reference, "file");
	enum error_code code;
	if (json_present(env))
		code = fetch_env(json_text(&arena, env).ptr, out, error);
	else
		code = input_file(json_text(&arena, file).ptr, out, error);
	arena_free(&arena);
	if (code == OK && json_present(file))
		while (out->len > 0 && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
			out->len--;
	if (code == OK && (out->len == 0 || memchr(out->data, '\0', out->len) != NULL))
		return error_set(
		    error, ERR_INVALID, "found no text at {%s: …}; expected one", json_present(env) ? "env" : "file");
	return code;
}

/* Fetches and, unless `out` is wanted, only looks whether it could be. */
static enum error_code
fetch(const struct apply_state *state, struct yaml_place place, struct json reference, struct arena *arena,
    struct slice *out, struct error *error)
{
	struct buf text;
	struct error why = ERROR_NONE;
	buf_init(&text, LIMIT_SECRET_FILE_BYTES);
	enum error_code code = apply_reference_fetch(reference, &text, &why);
	if (code != OK)
		code = apply_refuse(state->file, place, error, "%s", why.text);
	else if (out != NULL)
		*out = arena_copy(arena, buf_slice(&text));
	if (text.data != NULL)
		explicit_bzero(text.data, text.len);
	buf_free(&text);
	return code;
}

/* Writes the header with its value beside the reference: {"env":"NAME","value":"text"}. */
static enum error_code
resolve_header(struct apply_state *state, const struct apply_item *item, size_t row, struct json value,
    struct json_writer *writer, struct error *error)
{
	struct slice text = SLICE_NONE;
	enum error_code code = fetch(state, item->places[row], value, &state->arena, &text, error);
	if (code != OK)
		return code;
	struct json_iterator iterator = json_iterate(value);
	struct json name, from;
	json_open(writer, '{');
	while (json_next(&iterator, &name, &from))
		json_put_string(writer, json_text(&state->arena, name).ptr, json_text(&state->arena, from));
	json_put_string(writer, "value", text);
	json_close(writer);
	return OK;
}

static enum error_code
resolve_headers(struct apply_state *state, struct apply_item *item, size_t row, struct error *error)
{
	struct buf out;
	struct json_writer writer;
	buf_init(&out, APPLY_VALUE_BYTES_MAX);
	json_writer_init(&writer, &out);
	json_open(&writer, '{');
	struct json_iterator iterator = json_iterate(apply_json(item->values[row]));
	struct json key, value;
	enum error_code code = OK;
	while (code == OK && json_next(&iterator, &key, &value)) {
		struct slice name = json_text(&state->arena, key);
		json_key_slice(&writer, name);
		if (!apply_is_reference(value))
			json_raw(&writer, value.raw);
		else if (!apply_header_sensitive(name))
			code = resolve_header(state, item, row, value, &writer, error);
		else
			json_raw(&writer, value.raw);
	}
	if (code == OK) {
		json_close(&writer);
		item->values[row] = arena_copy(&state->arena, buf_slice(&out));
	}
	buf_free(&out);
	return code;
}

/* Certificates that a reference names are shown by the server, so they are compared. */
struct resolving {
	struct apply_state *state;
	const struct apply_item *item;
	size_t row;
	struct json_writer writer;
	const char *section;
	struct error *error;
};

static enum error_code
resolve_leaf(void *context, const char *section, const char *name, bool secret, struct json value)
{
	struct resolving *resolving = context;
	struct json_writer *writer = &resolving->writer;
	if (resolving->section == NULL || strcmp(resolving->section, section) != 0) {
		if (resolving->section != NULL)
			json_close(writer);
		json_key(writer, section);
		json_open(writer, '{');
		resolving->section = section;
	}
	json_key(writer, name);
	if (secret || !apply_is_reference(value)) {
		json_raw(writer, value.raw);
		return OK;
	}
	/* A key in the wrong place must not get into a plan: it is looked at before it is kept. */
	struct slice text = SLICE_NONE;
	struct apply_state *state = resolving->state;
	struct yaml_place place = resolving->item->places[resolving->row];
	enum error_code code = fetch(state, place, value, &state->arena, &text, resolving->error);
	if (code != OK)
		return code;
	if (!apply_authentication_public_good(text)) {
		if (slice_present(text))
			explicit_bzero((void *)(uintptr_t)text.ptr, text.len);
		return apply_refuse(state->file, place, resolving->error,
		    "authentication.%s.%s: found a private key there; expected certificates only", section, name);
	}
	struct json_iterator iterator = json_iterate(value);
	struct json key, from;
	json_open(writer, '{');
	while (json_next(&iterator, &key, &from))
		json_put_string(writer, json_text(&state->arena, key).ptr, json_text(&state->arena, from));
	json_put_string(writer, "value", text);
	json_close(writer);
	return OK;
}

static enum error_code
resolve_authentication(struct apply_state *state, struct apply_item *item, size_t row, struct error *error)
{
	struct buf out;
	/* `tls: {}` says something, and has no member to walk over. */
	struct json said = slice_present(item->values[row]) ? apply_json(item->values[row]) : JSON_ABSENT;
	struct json tls = json_present(said) ? json_member(said, "tls") : JSON_ABSENT;
	if (!json_present(said) || (json_present(tls) && json_count(tls) == 0))
		return OK;
	struct resolving resolving = {.state = state, .item = item, .row = row, .error = error};
	buf_init(&out, APPLY_VALUE_BYTES_MAX);
	json_writer_init(&resolving.writer, &out);
	json_open(&resolving.writer, '{');
	enum error_code code = apply_authentication_walk(item->values[row], resolve_leaf, &resolving);
	if (code == OK) {
		if (resolving.section != NULL)
			json_close(&resolving.writer);
		json_close(&resolving.writer);
		item->values[row] = arena_copy(&state->arena, buf_slice(&out));
	}
	buf_free(&out);
	return code;
}

enum error_code
apply_file_resolve(struct apply_state *state, struct error *error)
{
	size_t headers = apply_row_of(APPLY_ENDPOINT, SLICE("headers"));
	size_t authentication = apply_row_of(APPLY_ENDPOINT, SLICE("authentication"));
	for (size_t o = 0; o < state->organisation_count; o++) {
		struct apply_item *organisation = &state->organisations[o];
		for (size_t e = 0; e < organisation->endpoint_count; e++) {
			enum error_code code = resolve_headers(state, &organisation->endpoints[e], headers, error);
			if (code == OK)
				code =
				    resolve_authentication(state, &organisation->endpoints[e], authentication, error);
			if (code != OK)
				return code;
		}
	}
	return OK;
}

struct checking {
	const struct apply_state *file;
	struct yaml_place place;
	struct error *error;
};

static enum error_code
check_leaf(void *context, const char *section UNUSED, const char *name UNUSED, bool secret, struct json value)
{
	const struct checking *checking = context;
	return secret ? fetch(checking->file, checking->place, value, NULL, NULL, checking->error) : OK;
}

/* The secrets of what is to be sent. */
static enum error_code
check_authentication(const struct apply_state *file, const struct apply_step *step, struct error *error)
{
	size_t row = apply_row_of(APPLY_ENDPOINT, SLICE("authentication"));
	struct slice sent = step->action == APPLY_CREATE ? step->item->values[row] : step->authentication;
	struct checking checking = {file, step->item->places[row], error};
	return slice_present(sent) ? apply_authentication_walk(sent, check_leaf, &checking) : OK;
}

enum error_code
apply_references_check(const struct apply_state *file, const struct apply_step *step, struct error *error)
{
	if (step->item->kind != APPLY_ENDPOINT || step->action == APPLY_DELETE)
		return OK;
	size_t headers = apply_row_of(APPLY_ENDPOINT, SLICE("headers"));
	size_t secret = apply_row_of(APPLY_ENDPOINT, SLICE("secret"));
	if (step->action == APPLY_CREATE && slice_present(step->item->values[secret])) {
		enum error_code code =
		    fetch(file, step->item->places[secret], apply_json(step->item->values[secret]), NULL, NULL, error);
		if (code != OK)
			return code;
	}
	enum error_code checked = check_authentication(file, step, error);
	struct slice sent = step->action == APPLY_CREATE ? step->item->values[headers] : step->headers;
	if (checked != OK || !slice_present(sent))
		return checked;
	struct json_iterator iterator = json_iterate(apply_json(sent));
	struct json key, value;
	enum error_code code = OK;
	while (code == OK && json_next(&iterator, &key, &value))
		if (apply_is_reference(value) && !json_present(json_member(value, "value")))
			code = fetch(file, step->item->places[headers], value, NULL, NULL, error);
	return code;
}
