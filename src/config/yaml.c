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

/* --- sources ---------------------------------------------------------------------------------------- */

static const char sources_expected[] =
    "a list of sources, as in \"- name: acme\" and below it \"scheme\", \"secret_file\" and \"forward\"";

static struct slice *
source_member(struct config_source *source, struct slice key)
{
	const struct {
		const char *name;
		struct slice *member;
	} members[] = {
	    {"name", &source->name},
	    {"scheme", &source->scheme},
	    {"secret_file", &source->secret_file},
	    {"forward", &source->forward},
	};
	for (size_t i = 0; i < COUNT_OF(members); i++)
		if (slice_is(key, members[i].name))
			return members[i].member;
	return NULL;
}

/* A mapping whose start is the current event; ends at its end. */
static enum error_code
read_source(struct reading *reading, struct config_source *source)
{
	struct arena *arena = &reading->config->arena;
	source->origin = arena_printf(arena, "%s:%zu", reading->file, line_of(&reading->event.start_mark));
	for (;;) {
		enum error_code code = advance(reading);
		if (code != OK)
			return code;
		if (reading->event.type == YAML_MAPPING_END_EVENT)
			return OK;
		struct slice *member = NULL;
		if (reading->event.type == YAML_SCALAR_EVENT)
			member = source_member(source, scalar_of(&reading->event));
		if (member == NULL)
			return refuse(reading, "name, scheme, secret_file or forward");
		if (slice_present(*member))
			return refuse(reading, "this key once in each source");
		code = advance(reading);
		if (code != OK)
			return code;
		if (reading->event.type != YAML_SCALAR_EVENT || reading->event.data.scalar.length == 0 ||
		    memchr(reading->event.data.scalar.value, '\0', reading->event.data.scalar.length) != NULL)
			return refuse(reading, "one value");
		*member = arena_copy(arena, scalar_of(&reading->event));
	}
}

/* The value of `sources`, whose first event is the current one. */
static enum error_code
read_sources(struct reading *reading)
{
	struct config *config = reading->config;
	if (config->source_count > 0)
		return refuse(reading, "sources once, they are set above already");
	if (reading->event.type == YAML_SCALAR_EVENT && reading->event.data.scalar.length == 0)
		return OK;
	if (reading->event.type != YAML_SEQUENCE_START_EVENT)
		return refuse(reading, sources_expected);
	for (;;) {
		enum error_code code = advance(reading);
		if (code != OK)
			return code;
		if (reading->event.type == YAML_SEQUENCE_END_EVENT)
			return OK;
		if (reading->event.type != YAML_MAPPING_START_EVENT)
			return refuse(reading, sources_expected);
		if (config->source_count == CONFIG_SOURCES_MAX)
			return refuse(reading, "no more than 64 sources");
		code = read_source(reading, &config->sources[config->source_count++]);
		if (code != OK)
			return code;
	}
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
		if (section[0] == '\0' && strcmp(name, "sources") == 0)
			code = read_sources(reading);
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
