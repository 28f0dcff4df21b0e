#include "cli/apply_value.h"

#include "catalogue/catalogue.h"
#include "model/redaction.h"

#include <stdio.h>

enum { SHOWN_BYTES = 40 };

const char *
apply_found(const struct yaml_node *node, char out[static FOUND_BYTES])
{
	if (yaml_is_null(node))
		snprintf(out, FOUND_BYTES, "nothing");
	else if (node->type == YAML_LIST)
		snprintf(out, FOUND_BYTES, node->count == 0 ? "an empty list" : "a list");
	else if (node->type == YAML_MAP)
		snprintf(out, FOUND_BYTES, "a mapping");
	else if (node->text.len > SHOWN_BYTES)
		snprintf(out, FOUND_BYTES, "\"%.*s…\"", SHOWN_BYTES, node->text.ptr);
	else
		snprintf(out, FOUND_BYTES, "\"%.*s\"", SLICE_ARG(node->text));
	return out;
}

/* `hidden`: the text may be a secret that stands in the wrong place, and is not repeated. */
static enum error_code
refuse(struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, bool hidden)
{
	char found[FOUND_BYTES];
	bool shown = !hidden || node->type != YAML_SCALAR || yaml_is_null(node);
	return apply_refuse(reader->file, node->place, reader->error, "%s: found %s; expected %s", member->name,
	    shown ? apply_found(node, found) : "a text", member->expected);
}

/* --- free JSON -------------------------------------------------------------------------------------- */

static void
write_text(struct buf *out, struct slice text)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_string(&writer, text);
}

/* Without quotes, what looks like a JSON value is one (YAML 1.2 section 10.2); all else is a text. */
static void
write_scalar(const struct yaml_node *node, struct buf *out)
{
	struct json value;
	if (yaml_is_null(node))
		buf_text(out, "null");
	else if (node->plain && json_parse(node->text, 1, &value, NULL) == OK && value.type != JSON_STRING &&
		 value.type != JSON_OBJECT && value.type != JSON_ARRAY)
		buf_append(out, value.raw);
	else
		write_text(out, node->text);
}

/* Recursion is bounded by YAML_DEPTH_MAX. */
static void
write_json(const struct yaml_node *node, struct buf *out)
{
	if (node->type == YAML_SCALAR) {
		write_scalar(node, out);
		return;
	}
	buf_byte(out, node->type == YAML_MAP ? '{' : '[');
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		if (item != node->first)
			buf_byte(out, ',');
		if (node->type == YAML_MAP) {
			write_text(out, item->text);
			buf_byte(out, ':');
		}
		write_json(node->type == YAML_MAP ? item->value : item, out);
	}
	buf_byte(out, node->type == YAML_MAP ? '}' : ']');
}

static struct slice
json_of(struct apply_reader *reader, const struct yaml_node *node)
{
	struct buf out;
	buf_init(&out, APPLY_VALUE_BYTES_MAX);
	write_json(node, &out);
	ENSURE(!out.overflow);
	struct slice canonical = apply_canonical_copy(reader->arena, apply_json(buf_slice(&out)));
	buf_free(&out);
	return canonical;
}

/* --- mappings --------------------------------------------------------------------------------------- */

bool
apply_node_is_reference(const struct yaml_node *node)
{
	if (node->type != YAML_MAP || node->count != 1)
		return false;
	const struct yaml_node *name = node->first, *value = name->value;
	if (value->type != YAML_SCALAR || value->text.len == 0 ||
	    memchr(value->text.ptr, '\0', value->text.len) != NULL)
		return false;
	bool env = slice_is(name->text, "env") && memchr(value->text.ptr, '=', value->text.len) == NULL;
	return env || slice_is(name->text, "file");
}

void
apply_write_reference(const struct yaml_node *node, struct buf *out)
{
	buf_byte(out, '{');
	write_text(out, node->first->text);
	buf_byte(out, ':');
	write_text(out, node->first->value->text);
	buf_byte(out, '}');
}

static enum error_code
check_header(struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *map,
    const struct yaml_node *name)
{
	for (const struct yaml_node *other = map->first; other != name; other = other->next)
		if (slice_equal_nocase(other->text, name->text))
			return apply_refuse(reader->file, name->place, reader->error,
			    "headers: found %.*s twice; expected it once, upper and lower case are the same",
			    name->text.len < SHOWN_BYTES ? (int)name->text.len : SHOWN_BYTES, name->text.ptr);
	const struct yaml_node *value = name->value;
	bool sensitive = apply_header_sensitive(name->text);
	if (sensitive && value->type == YAML_SCALAR && !yaml_is_null(value))
		return apply_refuse(reader->file, value->place, reader->error,
		    "headers: found a text; expected {env: NAME} or {file: PATH}, as %.*s is sensitive",
		    SLICE_ARG(name->text));
	bool good = value->type == YAML_SCALAR ? sensitive || !yaml_is_null(value) : apply_node_is_reference(value);
	return good ? OK : refuse(reader, member, value, true);
}

/* Of headers and of metadata: names with texts; of headers also with references, and null for sensitive ones. */
static enum error_code
read_texts(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out)
{
	enum { NAMES_MAX = 1024 };
	bool headers = member->form == FORM_HEADERS;
	if (node->type != YAML_MAP || node->count > NAMES_MAX)
		return refuse(reader, member, node, headers);
	struct buf text;
	enum error_code code = OK;
	buf_init(&text, APPLY_VALUE_BYTES_MAX);
	buf_byte(&text, '{');
	for (const struct yaml_node *name = node->first; name != NULL && code == OK; name = name->next) {
		const struct yaml_node *value = name->value;
		if (headers)
			code = check_header(reader, member, node, name);
		else if (value->type != YAML_SCALAR || yaml_is_null(value))
			code = refuse(reader, member, value, false);
		if (code != OK)
			break;
		if (name != node->first)
			buf_byte(&text, ',');
		write_text(&text, name->text);
		buf_byte(&text, ':');
		if (value->type == YAML_MAP)
			apply_write_reference(value, &text);
		else if (yaml_is_null(value))
			buf_text(&text, "null");
		else
			write_text(&text, value->text);
	}
	buf_byte(&text, '}');
	if (code == OK)
		*out = apply_canonical_copy(reader->arena, apply_json(buf_slice(&text)));
	buf_free(&text);
	if (code == OK && member->max > 0 && out->len > (size_t)member->max)
		return refuse(reader, member, node, false);
	return code;
}

static enum error_code
read_schemas(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out)
{
	if (node->type != YAML_MAP)
		return refuse(reader, member, node, false);
	for (const struct yaml_node *name = node->first; name != NULL; name = name->next) {
		const struct yaml_node *value = name->value;
		bool flag = value->type == YAML_SCALAR && value->plain &&
			    (slice_is(value->text, "true") || slice_is(value->text, "false"));
		if (value->type != YAML_MAP && !flag)
			return refuse(reader, member, value, false);
	}
	*out = json_of(reader, node);
	return OK;
}

/* --- lists ------------------------------------------------------------------------------------------ */

static enum error_code
read_names(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out)
{
	bool empty = node->count == 0 && member->form != FORM_SET;
	if (node->type != YAML_LIST || empty || node->count > (size_t)member->max)
		return refuse(reader, member, node, false);
	struct slice_list names = {arena_alloc(reader->arena, node->count * sizeof(struct slice)), 0};
	for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
		bool service = member->form != FORM_SET || slice_list_has(catalogue_services(), item->text);
		if (item->type != YAML_SCALAR || yaml_is_null(item) || !uid_valid(item->text, NULL) || !service)
			return refuse(reader, member, item, false);
		names.items[names.count++] = item->text;
	}
	*out = member->form == FORM_SET ? apply_set(reader->arena, names) : apply_names(reader->arena, names);
	return OK;
}

/* Roles with their paths; what is wrong is named by its own place. */
static enum error_code
read_paths(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out)
{
	if (node->type != YAML_MAP)
		return refuse(reader, member, node, false);
	struct buf text;
	buf_init(&text, APPLY_VALUE_BYTES_MAX);
	buf_byte(&text, '{');
	const struct yaml_node *wrong = NULL;
	for (const struct yaml_node *name = node->first; name != NULL && wrong == NULL; name = name->next) {
		const struct yaml_node *list = name->value;
		enum role role;
		if (!role_parse(name->text, &role) || role == ROLE_PLATFORM_ADMIN)
			wrong = name;
		else if (list->type != YAML_LIST || list->count == 0 || list->count > (size_t)member->max)
			wrong = list;
		struct slice_list paths = {arena_alloc(reader->arena, (list->count + 1) * sizeof(struct slice)), 0};
		for (const struct yaml_node *item = list->first; item != NULL && wrong == NULL; item = item->next) {
			if (item->type != YAML_SCALAR || !redaction_path_valid(item->text))
				wrong = item;
			else
				paths.items[paths.count++] = item->text;
		}
		if (name != node->first)
			buf_byte(&text, ',');
		write_text(&text, name->text);
		buf_byte(&text, ':');
		buf_append(&text, apply_set(reader->arena, paths));
	}
	buf_byte(&text, '}');
	if (wrong == NULL)
		*out = apply_canonical_copy(reader->arena, apply_json(buf_slice(&text)));
	buf_free(&text);
	return wrong == NULL ? OK : refuse(reader, member, wrong, false);
}

/* What is wrong with one duty; NULL: nothing. */
static const struct yaml_node *
wrong_owner(const struct yaml_node *name)
{
	bool duty = false, team = false;
	for (int i = 0; i < DUTY_COUNT; i++)
		duty = duty || slice_is(name->text, duty_name((enum duty)i));
	if (!duty)
		return name;
	if (name->value->type != YAML_MAP)
		return name->value;
	for (const struct yaml_node *item = name->value->first; item != NULL; item = item->next) {
		bool known = slice_is(item->text, "team") || slice_is(item->text, "contact");
		const struct yaml_node *value = item->value;
		if (!known)
			return item;
		if (value->type != YAML_SCALAR || yaml_is_null(value) || value->text.len > LIMIT_OWNER_BYTES ||
		    value->text.len == 0)
			return value;
		team = team || slice_is(item->text, "team");
	}
	return team ? NULL : name->value;
}

static enum error_code
read_owners(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out)
{
	if (node->type != YAML_MAP)
		return refuse(reader, member, node, false);
	struct buf text;
	buf_init(&text, APPLY_VALUE_BYTES_MAX);
	buf_byte(&text, '{');
	for (const struct yaml_node *name = node->first; name != NULL; name = name->next) {
		const struct yaml_node *wrong = wrong_owner(name);
		if (wrong != NULL) {
			buf_free(&text);
			return refuse(reader, member, wrong, false);
		}
		if (name != node->first)
			buf_byte(&text, ',');
		write_text(&text, name->text);
		buf_text(&text, ":{");
		for (const struct yaml_node *item = name->value->first; item != NULL; item = item->next) {
			if (item != name->value->first)
				buf_byte(&text, ',');
			write_text(&text, item->text);
			buf_byte(&text, ':');
			write_text(&text, item->value->text);
		}
		buf_byte(&text, '}');
	}
	buf_byte(&text, '}');
	*out = apply_canonical_copy(reader->arena, apply_json(buf_slice(&text)));
	buf_free(&text);
	return OK;
}

static enum error_code
read_schedule(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out)
{
	struct buf text;
	buf_init(&text, LIMIT_NAME_BYTES);
	const struct yaml_node *wrong = node->type == YAML_MAP ? node : NULL;
	if (node->type == YAML_SCALAR)
		buf_append(&text, node->text);
	for (const struct yaml_node *item = node->first; item != NULL && wrong == NULL; item = item->next) {
		if (item->type != YAML_SCALAR)
			wrong = item;
		if (item != node->first)
			buf_byte(&text, ',');
		buf_append(&text, item->text);
	}
	struct schedule schedule;
	if (wrong == NULL && (text.overflow || schedule_parse(buf_slice(&text), &schedule, NULL) != OK))
		wrong = node;
	if (wrong == NULL)
		*out = apply_quote(reader->arena, buf_slice(&text));
	buf_free(&text);
	return wrong == NULL ? OK : refuse(reader, member, wrong, false);
}

/* --- scalars ---------------------------------------------------------------------------------------- */

static bool
text_valid(struct slice text, const struct apply_member *member)
{
	if (text.len > (size_t)member->max || (member->required && text.len == 0))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= 8)
			return false;
	return true;
}

static bool
name_valid(enum apply_kind kind, struct slice text)
{
	switch (kind) {
	case APPLY_TYPE: return event_type_name_valid(text);
	case APPLY_ORGANISATION: return uid_valid(text, id_prefix(ID_ORGANISATION));
	case APPLY_ENDPOINT: return uid_valid(text, id_prefix(ID_ENDPOINT));
	case APPLY_KIND_COUNT: break;
	}
	UNREACHABLE();
}

static bool
url_valid(struct slice text)
{
	bool http = text.len > 7 && slice_equal_nocase((struct slice){text.ptr, 7}, SLICE("http://"));
	bool https = text.len > 8 && slice_equal_nocase((struct slice){text.ptr, 8}, SLICE("https://"));
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f)
			return false;
	return (http || https) && text.len <= LIMIT_URL_BYTES;
}

static bool
is_choice(const struct apply_member *member, struct slice text)
{
	for (const char *const *choice = member->choices; *choice != NULL; choice++)
		if (slice_is(text, *choice))
			return true;
	return false;
}

static enum error_code
read_scalar(struct apply_reader *reader, enum apply_kind kind, const struct apply_member *member,
    const struct yaml_node *node, struct slice *out)
{
	struct slice text = node->text;
	bool good = node->type == YAML_SCALAR && !yaml_is_null(node), bare = false;
	int64_t number;
	if (good && member->form == FORM_NAME)
		good = name_valid(kind, text);
	else if (good && member->form == FORM_TEXT)
		good = text_valid(text, member);
	else if (good && member->form == FORM_WORD)
		good = uid_valid(text, NULL);
	else if (good && member->form == FORM_URL)
		good = url_valid(text);
	else if (good && member->form == FORM_CHOICE)
		good = is_choice(member, text);
	else if (good && member->form == FORM_BOOL)
		bare = good = node->plain && (slice_is(text, "true") || slice_is(text, "false"));
	else if (good && member->form == FORM_INTEGER)
		bare = good = node->plain && text.ptr[0] != '0' && slice_to_int64(text, &number) && number >= 1 &&
			      number <= member->max;
	if (!good)
		return refuse(reader, member, node, false);
	if (member->form == FORM_URL)
		text = apply_url(reader->arena, text);
	*out = bare ? text : apply_quote(reader->arena, text);
	return OK;
}

static enum error_code
read_secret(
    struct apply_reader *reader, const struct apply_member *member, const struct yaml_node *node, struct slice *out)
{
	if (!apply_node_is_reference(node))
		return refuse(reader, member, node, true);
	struct buf text;
	buf_init(&text, APPLY_VALUE_BYTES_MAX);
	apply_write_reference(node, &text);
	*out = arena_copy(reader->arena, buf_slice(&text));
	buf_free(&text);
	return OK;
}

enum error_code
apply_value_read(struct apply_reader *reader, enum apply_kind kind, const struct apply_member *member,
    const struct yaml_node *node, struct slice *out)
{
	switch (member->form) {
	case FORM_TEXTS:
	case FORM_HEADERS: return read_texts(reader, member, node, out);
	case FORM_SCHEMAS: return read_schemas(reader, member, node, out);
	case FORM_OWNERS: return read_owners(reader, member, node, out);
	case FORM_PATHS: return read_paths(reader, member, node, out);
	case FORM_SET:
	case FORM_NAMES: return read_names(reader, member, node, out);
	case FORM_SCHEDULE: return read_schedule(reader, member, node, out);
	case FORM_SECRET: return read_secret(reader, member, node, out);
	case FORM_AUTHENTICATION: return apply_authentication_read(reader, member, node, out);
	case FORM_GOVERNANCE: return apply_governance_read(reader, member, node, out);
	case FORM_NAME:
	case FORM_TEXT:
	case FORM_WORD:
	case FORM_URL:
	case FORM_BOOL:
	case FORM_INTEGER:
	case FORM_CHOICE: return read_scalar(reader, kind, member, node, out);
	}
	UNREACHABLE();
}
