/* The YAML side: libyaml's events, turned into dotted keys and texts. What is not a mapping of sections to scalars
 * or to lists of scalars is refused with its line; so are anchors, which could make a small file large. */
#include "config/table.h"

#include <stdio.h>
#include <yaml.h>

enum { NAME_BYTES_MAX = 128 };

struct reading {
	struct config *config;
	const char *file;
	yaml_parser_t parser;
	yaml_event_t event; /* the one that is looked at; valid while `has_event` */
	bool has_event;
	bool seen[CONFIG_KEYS_MAX];
	struct error *error;
};

static size_t
line_of(const yaml_mark_t *mark)
{
	return mark->line + 1;
}

static struct slice
scalar_of(const yaml_event_t *event)
{
	return (struct slice){(const char *)event->data.scalar.value, event->data.scalar.length};
}

/* Moves to the next event. */
static enum error_code
advance(struct reading *reading)
{
	if (reading->has_event)
		yaml_event_delete(&reading->event);
	reading->has_event = yaml_parser_parse(&reading->parser, &reading->event) == 1;
	if (reading->has_event)
		return OK;
	size_t line = line_of(&reading->parser.problem_mark);
	return error_set(reading->error, ERR_INVALID, "%s:%zu: expected YAML: %s", reading->file, line,
	    reading->parser.problem == NULL ? "it cannot be read" : reading->parser.problem);
}

static enum error_code
refuse(struct reading *reading, const char *expected)
{
	return error_set(reading->error, ERR_INVALID, "%s:%zu: expected %s", reading->file,
	    line_of(&reading->event.start_mark), expected);
}

/* Appends the scalars of the sequence whose start is the current event; ends at its end. */
static enum error_code
read_sequence(struct reading *reading, struct buf *text)
{
	for (size_t count = 0;; count++) {
		enum error_code code = advance(reading);
		if (code != OK)
			return code;
		if (reading->event.type == YAML_SEQUENCE_END_EVENT)
			return OK;
		if (reading->event.type != YAML_SCALAR_EVENT)
			return refuse(reading, "a plain value in the list");
		if (count > 0)
			buf_byte(text, ',');
		buf_append(text, scalar_of(&reading->event));
	}
}

static enum error_code
read_value(struct reading *reading, const char *name)
{
	size_t row = config_key_find(slice_of(name)), line = line_of(&reading->event.start_mark);
	if (row == config_key_count())
		return error_set(reading->error, ERR_INVALID,
		    "%s:%zu: there is no key %s; expected one of docs/configuration.md", reading->file, line, name);
	if (reading->seen[row])
		return error_set(reading->error, ERR_INVALID, "%s:%zu: %s: expected once, it is set above already",
		    reading->file, line, name);
	reading->seen[row] = true;
	struct buf text;
	buf_init(&text, LIMIT_CONFIG_BYTES);
	enum error_code code = OK;
	if (reading->event.type == YAML_SCALAR_EVENT)
		buf_append(&text, scalar_of(&reading->event));
	else if (reading->event.type == YAML_SEQUENCE_START_EVENT && config_key_at(row)->list)
		code = read_sequence(reading, &text);
	else
		code = error_set(reading->error, ERR_INVALID, "%s:%zu: %s: expected %s", reading->file, line, name,
		    config_key_at(row)->expected);
	if (code == OK) {
		struct slice origin = arena_printf(&reading->config->arena, "%s:%zu", reading->file, line);
		code = config_set(reading->config, row, buf_slice(&text), origin, reading->error);
	}
	buf_free(&text);
	return code;
}

/* Puts the dotted name of the key that is the current event into `name`. */
static enum error_code
read_name(struct reading *reading, const char *section, char name[static NAME_BYTES_MAX])
{
	if (reading->event.type != YAML_SCALAR_EVENT)
		return refuse(reading, "a key and its value, as in \"log:\" and below it \"  level: info\"");
	struct slice key = scalar_of(&reading->event);
	int length = snprintf(name, NAME_BYTES_MAX, "%s%s%.*s", section, section[0] == '\0' ? "" : ".", SLICE_ARG(key));
	bool shown = length > 0 && length < NAME_BYTES_MAX && memchr(key.ptr, '\0', key.len) == NULL;
	for (size_t i = 0; shown && name[i] != '\0'; i++)
		shown = name[i] >= 0x20 && name[i] < 0x7f;
	return shown ? OK : refuse(reading, "one of the keys of docs/configuration.md");
}

/* --- lists ------------------------------------------------------------------------------------------ */

static enum error_code
refuse_in_list(struct reading *reading, const char *format, const char *name)
{
	struct arena arena = ARENA_EMPTY;
	enum error_code code = refuse(reading, arena_printf(&arena, "%s%s", format, name).ptr);
	arena_free(&arena);
	return code;
}

static const struct config_list_member *
find_member(const struct config_list *list, struct slice name)
{
	for (size_t i = 0; i < list->member_count; i++)
		if (slice_is(name, list->members[i].name))
			return &list->members[i];
	return NULL;
}

/* The value whose event is the current one. */
static enum error_code
read_member(struct reading *reading, const struct config_list_member *member, struct slice *out)
{
	struct buf text;
	buf_init(&text, LIMIT_CONFIG_BYTES);
	enum error_code code = OK;
	if (reading->event.type == YAML_SCALAR_EVENT)
		buf_append(&text, scalar_of(&reading->event));
	else if (reading->event.type == YAML_SEQUENCE_START_EVENT && member->list)
		code = read_sequence(reading, &text);
	else
		code = refuse(reading, "one value");
	if (code == OK && (text.len == 0 || memchr(text.data, '\0', text.len) != NULL))
		code = refuse(reading, "one value");
	if (code == OK)
		*out = arena_copy(&reading->config->arena, buf_slice(&text));
	buf_free(&text);
	return code;
}

/* A mapping whose start is the current event; ends at its end. */
static enum error_code
read_item(struct reading *reading, const struct config_list *list, char *item)
{
	struct slice *origin = (struct slice *)(void *)item;
	*origin = arena_printf(&reading->config->arena, "%s:%zu", reading->file, line_of(&reading->event.start_mark));
	for (;;) {
		enum error_code code = advance(reading);
		if (code != OK)
			return code;
		if (reading->event.type == YAML_MAPPING_END_EVENT)
			return OK;
		const struct config_list_member *member = NULL;
		if (reading->event.type == YAML_SCALAR_EVENT)
			member = find_member(list, scalar_of(&reading->event));
		if (member == NULL)
			return refuse(reading, list->members_expected);
		struct slice *value = (struct slice *)(void *)(item + member->offset);
		if (slice_present(*value))
			return refuse_in_list(reading, "this key once in each ", list->item);
		code = advance(reading);
		if (code == OK)
			code = read_member(reading, member, value);
		if (code != OK)
			return code;
	}
}

/* The list's value, whose first event is the current one. */
static enum error_code
read_list(struct reading *reading, const struct config_list *list)
{
	char *config = (char *)reading->config;
	size_t *count = (size_t *)(void *)(config + list->count);
	if (*count > 0)
		return refuse_in_list(reading, list->name, " once, they are set above already");
	if (reading->event.type == YAML_SCALAR_EVENT && reading->event.data.scalar.length == 0)
		return OK;
	if (reading->event.type != YAML_SEQUENCE_START_EVENT)
		return refuse(reading, list->expected);
	for (;;) {
		enum error_code code = advance(reading);
		if (code != OK)
			return code;
		if (reading->event.type == YAML_SEQUENCE_END_EVENT)
			return OK;
		if (reading->event.type != YAML_MAPPING_START_EVENT)
			return refuse(reading, list->expected);
		if (*count == list->max)
			return error_set(reading->error, ERR_LIMIT, "%s:%zu: %s: expected no more than %zu",
			    reading->file, line_of(&reading->event.start_mark), list->name, list->max);
		code = read_item(reading, list, config + list->items + (*count)++ * list->item_bytes);
		if (code != OK)
			return code;
	}
}

/* NULL when no list has this name. */
static const struct config_list *
find_list(const char *name)
{
	for (size_t i = 0; i < config_list_count(); i++)
		if (strcmp(config_list_at(i)->name, name) == 0)
			return config_list_at(i);
	return NULL;
}

/* --- trees ------------------------------------------------------------------------------------------ */

enum { TREE_DEPTH_MAX = 16 };

static enum error_code read_node(struct reading *reading, size_t depth, struct config_node **out);

/* The next value below, or `*end`. In a mapping its name comes first, and only once. */
static enum error_code
read_child(struct reading *reading, const struct config_node *parent, size_t depth, struct config_node **out, bool *end)
{
	struct slice name = SLICE_NONE;
	enum error_code code = advance(reading);
	*end = code == OK &&
	       (reading->event.type == YAML_SEQUENCE_END_EVENT || reading->event.type == YAML_MAPPING_END_EVENT);
	if (code != OK || *end)
		return code;
	if (parent->kind == CONFIG_NODE_MAPPING) {
		if (reading->event.type != YAML_SCALAR_EVENT)
			return refuse(reading, "a plain key");
		name = arena_copy(&reading->config->arena, scalar_of(&reading->event));
		for (const struct config_node *before = parent->first; before != NULL; before = before->next)
			if (slice_equal(before->name, name))
				return refuse(reading, "each key once");
		code = advance(reading);
		if (code != OK)
			return code;
	}
	code = read_node(reading, depth + 1, out);
	if (code == OK)
		(*out)->name = name;
	return code;
}

/* The value whose first event is the current one. */
static enum error_code
read_node(struct reading *reading, size_t depth, struct config_node **out)
{
	struct arena *arena = &reading->config->arena;
	struct config_node *node = arena_alloc(arena, sizeof *node);
	node->origin = arena_printf(arena, "%s:%zu", reading->file, line_of(&reading->event.start_mark));
	*out = node;
	switch ((int)reading->event.type) {
	case YAML_SCALAR_EVENT:
		if (memchr(reading->event.data.scalar.value, '\0', reading->event.data.scalar.length) != NULL)
			return refuse(reading, "a value without a NUL");
		node->text = arena_copy(arena, scalar_of(&reading->event));
		return OK;
	case YAML_SEQUENCE_START_EVENT: node->kind = CONFIG_NODE_LIST; break;
	case YAML_MAPPING_START_EVENT: node->kind = CONFIG_NODE_MAPPING; break;
	default: return refuse(reading, "a value, a list or a mapping; anchors are not taken");
	}
	if (depth == TREE_DEPTH_MAX)
		return refuse(reading, "fewer lists and mappings inside each other");
	struct config_node **last = &node->first;
	for (;;) {
		bool end = false;
		enum error_code code = read_child(reading, node, depth, last, &end);
		if (code != OK || end) {
			*last = NULL;
			return code;
		}
		last = &(*last)->next;
		node->count++;
	}
}

static enum error_code
read_tree(struct reading *reading, const struct config_tree *tree)
{
	struct config_node **root = (struct config_node **)(void *)((char *)reading->config + tree->member);
	if (*root != NULL)
		return refuse_in_list(reading, tree->name, " once, they are set above already");
	return read_node(reading, 0, root);
}

/* NULL when no tree has this name. */
static const struct config_tree *
find_tree(const char *name)
{
	for (size_t i = 0; i < config_tree_count(); i++)
		if (strcmp(config_tree_at(i)->name, name) == 0)
			return config_tree_at(i);
	return NULL;
}

/* --- the document ----------------------------------------------------------------------------------- */

/* A mapping whose start is the current event: of the document (`section` empty), or a section's. Sections do not
 * nest, so neither does this beyond one level; keys may also be written with their dots. */
static enum error_code
read_mapping(struct reading *reading, const char *section)
{
	for (;;) {
		char name[NAME_BYTES_MAX];
		enum error_code code = advance(reading);
		if (code != OK)
			return code;
		if (reading->event.type == YAML_MAPPING_END_EVENT)
			return OK;
		code = read_name(reading, section, name);
		if (code == OK)
			code = advance(reading);
		if (code != OK)
			return code;
		bool is_section = section[0] == '\0' && config_section_exists(slice_of(name));
		bool is_empty = reading->event.type == YAML_SCALAR_EVENT && reading->event.data.scalar.length == 0;
		const struct config_list *list = section[0] == '\0' ? find_list(name) : NULL;
		const struct config_tree *tree = section[0] == '\0' ? find_tree(name) : NULL;
		if (list != NULL)
			code = read_list(reading, list);
		else if (tree != NULL)
			code = read_tree(reading, tree);
		else if (is_section && reading->event.type == YAML_MAPPING_START_EVENT)
			code = read_mapping(reading, name);
		else if (is_section && !is_empty)
			code = refuse(reading, "the keys of this section, indented below it");
		else if (!is_section)
			code = read_value(reading, name);
		if (code != OK)
			return code;
	}
}

static enum error_code
read_document(struct reading *reading)
{
	enum error_code code = advance(reading); /* the stream's start */
	if (code == OK)
		code = advance(reading);
	if (code != OK || reading->event.type == YAML_STREAM_END_EVENT)
		return code;
	code = advance(reading);
	if (code != OK)
		return code;
	bool is_empty = reading->event.type == YAML_SCALAR_EVENT && reading->event.data.scalar.length == 0;
	if (reading->event.type == YAML_MAPPING_START_EVENT)
		code = read_mapping(reading, "");
	else if (!is_empty)
		code = refuse(reading, "a mapping of sections, as in \"log:\" and below it \"  level: info\"");
	if (code == OK)
		code = advance(reading); /* the document's end */
	if (code == OK)
		code = advance(reading);
	if (code == OK && reading->event.type != YAML_STREAM_END_EVENT)
		code = refuse(reading, "one document only");
	return code;
}

enum error_code
config_read_yaml(struct config *config, const char *name, struct slice text, struct error *error)
{
	struct reading reading = {.config = config, .file = name, .error = error};
	ENSURE(yaml_parser_initialize(&reading.parser) == 1);
	yaml_parser_set_input_string(&reading.parser, (const unsigned char *)text.ptr, text.len);
	yaml_parser_set_encoding(&reading.parser, YAML_UTF8_ENCODING);
	enum error_code code = read_document(&reading);
	if (reading.has_event)
		yaml_event_delete(&reading.event);
	yaml_parser_delete(&reading.parser);
	return code;
}
