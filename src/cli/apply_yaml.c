#include "cli/apply_yaml.h"

#include <stdlib.h>
#include <yaml.h>

struct reading {
	const char *file;
	struct slice text;
	struct arena *arena;
	struct error *error;
	yaml_parser_t parser;
	yaml_event_t event; /* the one that is looked at; valid while `has_event` */
	bool has_event;
};

static struct yaml_place
place_of(yaml_mark_t mark)
{
	return (struct yaml_place){mark.line + 1, mark.column + 1};
}

/* Of a byte: what cannot be read has no mark. Columns count characters. */
static struct yaml_place
place_at(struct slice text, size_t offset)
{
	struct yaml_place place = {1, 1};
	for (size_t i = 0; i < offset && i < text.len; i++) {
		if (text.ptr[i] == '\n')
			place = (struct yaml_place){place.line + 1, 1};
		else if (((unsigned char)text.ptr[i] & 0xc0) != 0x80)
			place.column++;
	}
	return place;
}

static enum error_code
advance(struct reading *reading)
{
	if (reading->has_event)
		yaml_event_delete(&reading->event);
	reading->has_event = yaml_parser_parse(&reading->parser, &reading->event) == 1;
	if (reading->has_event)
		return OK;
	const yaml_parser_t *parser = &reading->parser;
	struct yaml_place place = parser->error == YAML_READER_ERROR ? place_at(reading->text, parser->problem_offset)
								     : place_of(parser->problem_mark);
	return error_set(reading->error, ERR_INVALID, "%s:%zu:%zu: %s; expected YAML", reading->file, place.line,
	    place.column, parser->problem == NULL ? "it cannot be read" : parser->problem);
}

static enum error_code
refuse(struct reading *reading, struct yaml_place place, const char *found, const char *expected)
{
	return error_set(reading->error, ERR_INVALID, "%s:%zu:%zu: found %s; expected %s", reading->file, place.line,
	    place.column, found, expected);
}

/* What stands before a value and would change what it is. */
static enum error_code
check_bare(struct reading *reading)
{
	const yaml_event_t *event = &reading->event;
	struct yaml_place place = place_of(event->start_mark);
	bool anchor = event->type == YAML_ALIAS_EVENT, tag = false;
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor != NULL;
		tag = event->data.scalar.tag != NULL;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor != NULL;
		tag = event->data.sequence_start.tag != NULL;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor != NULL;
		tag = event->data.mapping_start.tag != NULL;
	}
	if (anchor)
		return refuse(reading, place, "an anchor or alias", "the value itself");
	return tag ? refuse(reading, place, "a tag", "a value without one; quotes make a text") : OK;
}

static enum error_code read_node(struct reading *reading, size_t depth, struct yaml_node **out);

static enum error_code
read_list(struct reading *reading, size_t depth, struct yaml_node *list)
{
	struct yaml_node **end = &list->first;
	for (;;) {
		enum error_code code = advance(reading);
		if (code != OK || reading->event.type == YAML_SEQUENCE_END_EVENT)
			return code;
		code = read_node(reading, depth, end);
		if (code != OK)
			return code;
		end = &(*end)->next;
		list->count++;
	}
}

static int
order_names(const void *a, const void *b)
{
	const struct yaml_node *const *left = a, *const *right = b;
	int order = slice_compare((*left)->text, (*right)->text);
	if (order != 0)
		return order;
	return (*left)->place.line != (*right)->place.line ? ((*left)->place.line < (*right)->place.line ? -1 : 1)
							   : ((*left)->place.column < (*right)->place.column ? -1 : 1);
}

static enum error_code
check_twice(struct reading *reading, const struct yaml_node *map)
{
	const struct yaml_node **names = arena_alloc(reading->arena, (map->count + 1) * sizeof *names);
	size_t count = 0;
	for (const struct yaml_node *name = map->first; name != NULL; name = name->next)
		names[count++] = name;
	qsort(names, count, sizeof *names, order_names);
	for (size_t i = 1; i < count; i++)
		if (slice_equal(names[i - 1]->text, names[i]->text))
			return error_set(reading->error, ERR_INVALID,
			    "%s:%zu:%zu: found %.*s twice; expected it once, it stands in line %zu already",
			    reading->file, names[i]->place.line, names[i]->place.column,
			    names[i]->text.len < 80 ? (int)names[i]->text.len : 80, names[i]->text.ptr,
			    names[i - 1]->place.line);
	return OK;
}

static enum error_code
read_map(struct reading *reading, size_t depth, struct yaml_node *map)
{
	struct yaml_node **end = &map->first;
	for (;;) {
		enum error_code code = advance(reading);
		if (code != OK)
			return code;
		if (reading->event.type == YAML_MAPPING_END_EVENT)
			return check_twice(reading, map);
		code = read_node(reading, depth, end);
		if (code != OK)
			return code;
		struct yaml_node *name = *end;
		if (name->type != YAML_SCALAR)
			return refuse(reading, name->place, "a list or mapping as a name", "a plain name");
		code = advance(reading);
		if (code == OK)
			code = read_node(reading, depth, &name->value);
		if (code != OK)
			return code;
		end = &name->next;
		map->count++;
	}
}

/* The node that begins with the current event; ends at its last event. */
static enum error_code
read_node(struct reading *reading, size_t depth, struct yaml_node **out)
{
	enum error_code code = check_bare(reading);
	if (code != OK)
		return code;
	const yaml_event_t *event = &reading->event;
	struct yaml_node *node = arena_alloc(reading->arena, sizeof *node);
	node->place = place_of(event->start_mark);
	*out = node;
	if (event->type == YAML_SCALAR_EVENT) {
		node->type = YAML_SCALAR;
		node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		node->text = arena_copy(
		    reading->arena, (struct slice){(const char *)event->data.scalar.value, event->data.scalar.length});
		return OK;
	}
	if (depth == YAML_DEPTH_MAX)
		return refuse(reading, node->place, "something that is nested too deeply", "at most 70 levels");
	node->type = event->type == YAML_SEQUENCE_START_EVENT ? YAML_LIST : YAML_MAP;
	return node->type == YAML_LIST ? read_list(reading, depth + 1, node) : read_map(reading, depth + 1, node);
}

static enum error_code
read_document(struct reading *reading, struct yaml_node **out)
{
	*out = NULL;
	enum error_code code = advance(reading); /* the stream's start */
	if (code == OK)
		code = advance(reading);
	if (code != OK || reading->event.type == YAML_STREAM_END_EVENT)
		return code;
	code = advance(reading);
	if (code == OK)
		code = read_node(reading, 0, out);
	if (code == OK)
		code = advance(reading); /* the document's end */
	if (code == OK)
		code = advance(reading);
	if (code == OK && reading->event.type != YAML_STREAM_END_EVENT)
		return refuse(reading, place_of(reading->event.start_mark), "a second document", "one document only");
	if (code == OK && yaml_is_null(*out))
		*out = NULL;
	return code;
}

enum error_code
yaml_tree_read(const char *file, struct slice text, struct arena *arena, struct yaml_node **out, struct error *error)
{
	struct reading reading = {.file = file, .text = text, .arena = arena, .error = error};
	ENSURE(yaml_parser_initialize(&reading.parser) == 1);
	yaml_parser_set_input_string(&reading.parser, (const unsigned char *)text.ptr, text.len);
	yaml_parser_set_encoding(&reading.parser, YAML_UTF8_ENCODING);
	enum error_code code = read_document(&reading, out);
	if (reading.has_event)
		yaml_event_delete(&reading.event);
	yaml_parser_delete(&reading.parser);
	return code;
}

bool
yaml_is_null(const struct yaml_node *node)
{
	return node->type == YAML_SCALAR && node->plain &&
	       (node->text.len == 0 || slice_is(node->text, "~") || slice_is(node->text, "null"));
}
