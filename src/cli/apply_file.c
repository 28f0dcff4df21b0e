/* From a file's nodes to a state, by the table of members. */
#include "cli/apply_value.h"

#include <stdarg.h>
#include <stdio.h>

static const char sections_expected[] = "event_types, organisations or scope";

enum error_code
apply_refuse(const char *file, struct yaml_place place, struct error *error, const char *format, ...)
{
	char text[320];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return error_set(error, ERR_INVALID, "%s:%zu:%zu: %s", file, place.line, place.column, text);
}

/* A list of items below a name, as `item` reads them. */
static enum error_code
read_items(struct apply_reader *reader, const struct yaml_node *list, enum apply_kind kind, struct apply_item **items,
    size_t *count)
{
	if (list->type != YAML_LIST) {
		char found[FOUND_BYTES];
		return apply_refuse(reader->file, list->place, reader->error, "found %s; expected a list of %ss, or []",
		    apply_found(list, found), apply_members(kind)->noun);
	}
	*items = arena_alloc(reader->arena, (list->count + 1) * sizeof **items);
	for (const struct yaml_node *node = list->first; node != NULL; node = node->next) {
		enum error_code code = apply_item_read(reader, kind, node, &(*items)[*count]);
		if (code != OK)
			return code;
		(*count)++;
	}
	apply_items_sort(*items, *count);
	for (size_t i = 1; i < *count; i++) {
		const struct apply_item *item = &(*items)[i], *other = &(*items)[i - 1];
		if (slice_equal(item->name, other->name))
			return apply_refuse(reader->file, item->places[ROW_NAME], reader->error,
			    "found the %s %.*s twice; expected it once, it stands in line %zu already",
			    apply_members(kind)->noun, item->name.len < 80 ? (int)item->name.len : 80, item->name.ptr,
			    other->places[ROW_NAME].line);
	}
	return OK;
}

/* --- one item --------------------------------------------------------------------------------------- */

static enum error_code
refuse_name(struct apply_reader *reader, enum apply_kind kind, const struct yaml_node *name)
{
	char names[256] = "", found[FOUND_BYTES];
	const struct apply_members *members = apply_members(kind);
	for (size_t row = 0; row < members->count; row++) {
		size_t used = strlen(names);
		snprintf(names + used, sizeof names - used, "%s%s", row == 0 ? "" : ", ", members->items[row].name);
	}
	return apply_refuse(reader->file, name->place, reader->error, "found %s; expected one of %s%s",
	    apply_found(name, found), names, kind == APPLY_ORGANISATION ? ", endpoints" : "");
}

static enum error_code
fill_in(struct apply_reader *reader, const struct yaml_node *node, struct apply_item *item)
{
	const struct apply_members *members = apply_members(item->kind);
	for (size_t row = 0; row < members->count; row++) {
		const struct apply_member *member = &members->items[row];
		if (slice_present(item->values[row]))
			continue;
		if (member->required)
			return apply_refuse(reader->file, node->place, reader->error,
			    "found an %s without %s; expected %s: %s", members->noun, member->name, member->name,
			    member->expected);
		item->places[row] = node->place;
		item->values[row] = slice_of(member->fallback);
	}
	return OK;
}

static enum error_code
read_member(struct apply_reader *reader, const struct yaml_node *name, struct apply_item *item)
{
	size_t row = apply_row_of(item->kind, name->text);
	if (item->kind == APPLY_ORGANISATION && slice_is(name->text, "endpoints")) {
		item->endpoints_given = true;
		return read_items(reader, name->value, APPLY_ENDPOINT, &item->endpoints, &item->endpoint_count);
	}
	if (row == apply_members(item->kind)->count)
		return refuse_name(reader, item->kind, name);
	item->places[row] = name->value->place;
	const struct apply_member *member = &apply_members(item->kind)->items[row];
	/* Nothing is as good as no line, where there may be none. */
	if (yaml_is_null(name->value) && !member->required)
		return OK;
	return apply_value_read(reader, item->kind, member, name->value, &item->values[row]);
}

/* An endpoint that signs with its organisation's key has none of its own. */
static enum error_code
check_key_scope(struct apply_reader *reader, const struct apply_item *item)
{
	static const char *const own[] = {"keyType", "secret"};
	if (item->kind != APPLY_ENDPOINT ||
	    !slice_is(item->values[apply_row_of(APPLY_ENDPOINT, SLICE("keyScope"))], "\"organisation\""))
		return OK;
	for (size_t i = 0; i < COUNT_OF(own); i++) {
		size_t row = apply_row_of(APPLY_ENDPOINT, slice_of(own[i]));
		if (slice_present(item->values[row]))
			return apply_refuse(reader->file, item->places[row], reader->error,
			    "%s: found one; expected none beside keyScope: organisation", own[i]);
	}
	return OK;
}

enum error_code
apply_item_read(struct apply_reader *reader, enum apply_kind kind, const struct yaml_node *node, struct apply_item *out)
{
	char found[FOUND_BYTES];
	*out = (struct apply_item){.kind = kind, .place = node->place};
	if (node->type != YAML_MAP)
		return apply_refuse(reader->file, node->place, reader->error,
		    "found %s; expected an %s, as in \"%s: …\"", apply_found(node, found), apply_members(kind)->noun,
		    apply_members(kind)->items[ROW_NAME].name);
	for (const struct yaml_node *name = node->first; name != NULL; name = name->next) {
		enum error_code code = read_member(reader, name, out);
		if (code != OK)
			return code;
	}
	enum error_code code = fill_in(reader, node, out);
	if (code == OK)
		code = check_key_scope(reader, out);
	if (code == OK)
		out->name = json_text(reader->arena, apply_json(out->values[ROW_NAME]));
	return code;
}

/* --- the document ----------------------------------------------------------------------------------- */

static enum error_code
read_scope(struct apply_reader *reader, const struct yaml_node *node, bool *listed_only)
{
	char found[FOUND_BYTES];
	*listed_only = node->type == YAML_SCALAR && slice_is(node->text, "listed");
	if (*listed_only || (node->type == YAML_SCALAR && slice_is(node->text, "all")))
		return OK;
	return apply_refuse(reader->file, node->place, reader->error, "scope: found %s; expected all or listed",
	    apply_found(node, found));
}

static enum error_code
read_section(struct apply_reader *reader, const struct yaml_node *name, struct apply_state *out)
{
	char found[FOUND_BYTES];
	if (slice_is(name->text, "event_types")) {
		out->types_given = true;
		return read_items(reader, name->value, APPLY_TYPE, &out->types, &out->type_count);
	}
	if (slice_is(name->text, "organisations")) {
		out->organisations_given = true;
		return read_items(
		    reader, name->value, APPLY_ORGANISATION, &out->organisations, &out->organisation_count);
	}
	if (slice_is(name->text, "scope"))
		return read_scope(reader, name->value, &out->listed_only);
	return apply_refuse(reader->file, name->place, reader->error, "found %s; expected %s", apply_found(name, found),
	    sections_expected);
}

enum error_code
apply_file_read(const char *file, struct slice text, struct apply_state *out, struct error *error)
{
	char found[FOUND_BYTES];
	*out = (struct apply_state){.file = file};
	struct apply_reader reader = {.file = file, .arena = &out->arena, .error = error};
	struct yaml_node *root = NULL;
	enum error_code code = yaml_tree_read(file, text, &out->arena, &root, error);
	if (code == OK && root == NULL)
		code = apply_refuse(file, (struct yaml_place){1, 1}, error,
		    "found nothing; expected event_types or organisations, each with a list");
	else if (code == OK && root->type != YAML_MAP)
		code = apply_refuse(
		    file, root->place, error, "found %s; expected %s", apply_found(root, found), sections_expected);
	const struct yaml_node *name = code == OK && root != NULL ? root->first : NULL;
	for (; name != NULL && code == OK; name = name->next)
		code = read_section(&reader, name, out);
	if (code != OK)
		apply_state_free(out);
	return code;
}
