#include "model/scope.h"

#include "base/limits.h"

static const char *const names[] = {"sources", "types", "fields"};

static struct slice_list *
list_at(struct scope *scope, size_t i)
{
	struct slice_list *lists[] = {&scope->sources, &scope->types, &scope->fields};
	return lists[i];
}

/* --- the text ----------------------------------------------------------------------------------------- */

static bool
read_list(struct json value, struct arena *arena, struct slice_list *out)
{
	if (!json_present(value))
		return true;
	if (value.type != JSON_ARRAY)
		return false;
	out->items = arena_alloc(arena, LIMIT_TOKEN_SCOPE_ITEMS * sizeof *out->items);
	struct json_iterator at = json_iterate(value);
	struct json key, item;
	while (json_next(&at, &key, &item)) {
		if (item.type != JSON_STRING || out->count == LIMIT_TOKEN_SCOPE_ITEMS)
			return false;
		out->items[out->count++] = json_text(arena, item);
	}
	return out->count > 0;
}

enum error_code
scope_parse(struct slice text, struct arena *arena, struct scope *out, struct error *error)
{
	*out = (struct scope){.sources = {NULL, 0}};
	if (text.len == 0)
		return OK;
	struct json document;
	bool good = json_parse(text, 4, &document, NULL) == OK && document.type == JSON_OBJECT;
	for (size_t i = 0; good && i < COUNT_OF(names); i++)
		good = read_list(json_member(document, names[i]), arena, list_at(out, i));
	return good ? OK : error_set(error, ERR_INVALID, "the token's scope cannot be read");
}

bool
scope_restricted(const struct scope *scope)
{
	return scope->sources.count + scope->types.count + scope->fields.count > 0;
}

void
scope_write(struct buf *out, const struct scope *scope)
{
	if (!scope_restricted(scope))
		return;
	struct scope copy = *scope;
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_open(&writer, '{');
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct slice_list *list = list_at(&copy, i);
		if (list->count == 0)
			continue;
		json_key(&writer, names[i]);
		json_open(&writer, '[');
		for (size_t at = 0; at < list->count; at++)
			json_string(&writer, list->items[at]);
		json_close(&writer);
	}
	json_close(&writer);
}

/* --- what it lets through ----------------------------------------------------------------------------- */

bool
scope_has_source(const struct scope *scope, struct slice source)
{
	return scope->sources.count == 0 || slice_list_has(scope->sources, source);
}

bool
scope_has_type(const struct scope *scope, struct slice type)
{
	for (size_t i = 0; i < scope->types.count; i++) {
		struct slice wanted = scope->types.items[i];
		bool prefix = wanted.len > 0 && wanted.ptr[wanted.len - 1] == '*';
		wanted.len -= prefix;
		if (slice_present(type) && (prefix ? slice_starts(type, wanted) : slice_equal(type, wanted)))
			return true;
	}
	return scope->types.count == 0;
}

enum reach { REACH_NOT, REACH_INTO, REACH_WHOLE };

/* How much of the member at this path may be seen: all, some of what is in it, or nothing. */
static enum reach
reach_of(const struct scope *scope, struct slice path)
{
	enum reach reach = REACH_NOT;
	for (size_t i = 0; i < scope->fields.count; i++) {
		struct slice field = scope->fields.items[i];
		if (slice_equal(field, path))
			return REACH_WHOLE;
		if (field.len > path.len && slice_starts(field, path) && field.ptr[path.len] == '.')
			reach = REACH_INTO;
	}
	return reach;
}

static void
project(
    const struct scope *scope, struct json value, struct slice path, struct arena *arena, struct json_writer *writer)
{
	struct json_iterator at = json_iterate(value);
	struct json key, member;
	bool object = value.type == JSON_OBJECT;
	json_open(writer, object ? '{' : '[');
	while (json_next(&at, &key, &member)) {
		struct slice name = object ? json_text(arena, key) : SLICE_NONE, below = path;
		if (object)
			below =
			    path.len == 0 ? name : arena_printf(arena, "%.*s.%.*s", SLICE_ARG(path), SLICE_ARG(name));
		enum reach reach = object ? reach_of(scope, below) : REACH_INTO;
		bool container = member.type == JSON_OBJECT || member.type == JSON_ARRAY;
		if (reach == REACH_NOT || (reach == REACH_INTO && !container))
			continue;
		if (object)
			json_key_slice(writer, name);
		if (reach == REACH_WHOLE)
			json_raw(writer, member.raw);
		else
			project(scope, member, below, arena, writer);
	}
	json_close(writer);
}

void
scope_project(const struct scope *scope, struct slice body, struct buf *out)
{
	struct json document;
	if (json_parse(body, LIMIT_JSON_DEPTH, &document, NULL) != OK || document.type != JSON_OBJECT) {
		buf_text(out, "null");
		return;
	}
	struct arena arena = ARENA_EMPTY;
	struct json_writer writer;
	json_writer_init(&writer, out);
	project(scope, document, SLICE(""), &arena, &writer);
	arena_free(&arena);
}
