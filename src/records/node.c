#include "records/node.h"

#include "base/limits.h"
#include "json/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

enum { DEPTH_MAX = 16, CHILDREN_MAX = 4096 };

struct reading {
	struct arena *arena;
	const char *file;
	yaml_parser_t parser;
	struct error *error;
	size_t depth;
};

enum error_code
node_refuse(const struct node *node, const char *file, struct error *error, const char *format, ...)
{
	char text[256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return error_set(error, ERR_INVALID, "%s:%zu: expected %s", file, node->line, text);
}

static enum error_code
refuse_at(const struct reading *reading, const yaml_mark_t *mark, const char *expected)
{
	return error_set(
	    reading->error, ERR_INVALID, "%s:%zu: expected %s", reading->file, (size_t)mark->line + 1, expected);
}

static enum error_code
next_event(struct reading *reading, yaml_event_t *event)
{
	if (yaml_parser_parse(&reading->parser, event) == 1)
		return OK;
	return refuse_at(reading, &reading->parser.problem_mark, "YAML; it cannot be read");
}

static enum error_code read_node(struct reading *reading, yaml_event_t *event, struct node *out);

static enum error_code
take_scalar(struct reading *reading, const yaml_event_t *event, struct node *out)
{
	struct slice text = {(const char *)event->data.scalar.value, event->data.scalar.length};
	if (memchr(text.ptr, '\0', text.len) != NULL)
		return refuse_at(reading, &event->start_mark, "a text without NUL");
	out->kind = NODE_SCALAR;
	out->text = arena_copy(reading->arena, text);
	out->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return OK;
}

/* A mapping's key, which is the event; the event becomes that of its value. */
static enum error_code
take_key(struct reading *reading, yaml_event_t *event, const struct node *mapping, struct node *out)
{
	struct node key = {.line = event->start_mark.line + 1};
	if (event->type != YAML_SCALAR_EVENT)
		return refuse_at(reading, &event->start_mark, "a name and a colon");
	enum error_code code = take_scalar(reading, event, &key);
	for (size_t i = 0; code == OK && i < mapping->count; i++)
		if (slice_equal(mapping->items[i].key, key.text))
			code = refuse_at(reading, &event->start_mark, "this name once in its mapping");
	out->key = key.text;
	yaml_event_delete(event);
	if (code != OK) {
		*event = (yaml_event_t){.type = YAML_NO_EVENT};
		return code;
	}
	return next_event(reading, event);
}

static struct node *
add_item(struct reading *reading, struct node *to, size_t *capacity)
{
	if (to->count == *capacity) {
		*capacity = *capacity == 0 ? 8 : *capacity * 2;
		struct node *items = arena_alloc(reading->arena, *capacity * sizeof items[0]);
		if (to->count > 0)
			memcpy(items, to->items, to->count * sizeof items[0]);
		to->items = items;
	}
	to->items[to->count] = (struct node){.kind = NODE_SCALAR};
	return &to->items[to->count];
}

static enum error_code
read_children(struct reading *reading, yaml_event_type_t end, struct node *out)
{
	size_t capacity = 0;
	for (;;) {
		yaml_event_t event = {.type = YAML_NO_EVENT};
		enum error_code code = next_event(reading, &event);
		if (code != OK)
			return code;
		if (event.type == end) {
			yaml_event_delete(&event);
			return OK;
		}
		if (out->count == CHILDREN_MAX)
			code = refuse_at(reading, &event.start_mark, "no more than 4096 items");
		struct node *item = add_item(reading, out, &capacity);
		if (code == OK && out->kind == NODE_MAPPING)
			code = take_key(reading, &event, out, item);
		if (code == OK)
			code = read_node(reading, &event, item);
		yaml_event_delete(&event);
		if (code != OK)
			return code;
		out->count++;
	}
}

/* The node that begins with the event. */
static enum error_code
read_node(struct reading *reading, yaml_event_t *event, struct node *out)
{
	out->line = event->start_mark.line + 1;
	bool anchored = (event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor != NULL) ||
			(event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor != NULL) ||
			(event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor != NULL);
	if (anchored || event->type == YAML_ALIAS_EVENT)
		return refuse_at(reading, &event->start_mark, "a value without anchors and aliases");
	if (event->type == YAML_SCALAR_EVENT)
		return take_scalar(reading, event, out);
	if (event->type != YAML_SEQUENCE_START_EVENT && event->type != YAML_MAPPING_START_EVENT)
		return refuse_at(reading, &event->start_mark, "a value");
	if (reading->depth == DEPTH_MAX)
		return refuse_at(reading, &event->start_mark, "no more than 16 levels");
	reading->depth++;
	bool mapping = event->type == YAML_MAPPING_START_EVENT;
	out->kind = mapping ? NODE_MAPPING : NODE_SEQUENCE;
	enum error_code code = read_children(reading, mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, out);
	reading->depth--;
	return code;
}

/* Goes over stream and document starts to the first node, which may be missing. */
static enum error_code
read_document(struct reading *reading, struct node *out)
{
	*out = (struct node){.kind = NODE_MAPPING, .line = 1};
	for (;;) {
		yaml_event_t event = {.type = YAML_NO_EVENT};
		enum error_code code = next_event(reading, &event);
		if (code != OK)
			return code;
		bool start = event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT;
		bool end = event.type == YAML_STREAM_END_EVENT;
		if (!start && !end)
			code = read_node(reading, &event, out);
		yaml_event_delete(&event);
		if (!start)
			return code;
	}
}

enum error_code
node_read(struct arena *arena, const char *name, struct slice text, struct node *out, struct error *error)
{
	struct reading reading = {.arena = arena, .file = name, .error = error};
	ENSURE(yaml_parser_initialize(&reading.parser) == 1);
	yaml_parser_set_input_string(&reading.parser, (const unsigned char *)text.ptr, text.len);
	yaml_parser_set_encoding(&reading.parser, YAML_UTF8_ENCODING);
	enum error_code code = read_document(&reading, out);
	yaml_parser_delete(&reading.parser);
	return code;
}

const struct node *
node_member(const struct node *mapping, const char *name)
{
	if (mapping->kind != NODE_MAPPING)
		return NULL;
	for (size_t i = 0; i < mapping->count; i++)
		if (slice_is(mapping->items[i].key, name))
			return &mapping->items[i];
	return NULL;
}

static void
put_scalar(struct json_writer *writer, const struct node *node)
{
	struct json value;
	bool word = node->plain && json_parse(node->text, 1, &value, NULL) == OK && value.type != JSON_STRING;
	if (node->plain && (node->text.len == 0 || slice_is(node->text, "~")))
		json_null(writer);
	else if (word)
		json_raw(writer, node->text);
	else
		json_string(writer, node->text);
}

static void
put_node(struct json_writer *writer, const struct node *node)
{
	if (node->kind == NODE_SCALAR) {
		put_scalar(writer, node);
		return;
	}
	json_open(writer, node->kind == NODE_MAPPING ? '{' : '[');
	for (size_t i = 0; i < node->count; i++) {
		if (node->kind == NODE_MAPPING)
			json_key_slice(writer, node->items[i].key);
		put_node(writer, &node->items[i]);
	}
	json_close(writer);
}

void
node_json(const struct node *node, struct buf *out)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	put_node(&writer, node);
}
