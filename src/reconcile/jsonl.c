/* JSON lines: an object a line, in UTF-8; empty lines are passed over. */
#include "reconcile/records.h"

#include "base/limits.h"

/* A number must be written as an integer: `1`, not `1.0` or `1e0`. */
static bool
is_integer(struct slice number)
{
	for (size_t i = 0; i < number.len; i++)
		if ((number.ptr[i] < '0' || number.ptr[i] > '9') && !(i == 0 && number.ptr[i] == '-'))
			return false;
	return true;
}

static enum error_code
put_member(struct record_reading *reading, enum member member, struct json value, struct error *error)
{
	struct slice *out = &reading->draft.values[member];
	switch (value.type) {
	case JSON_NULL: *out = SLICE_NONE; return OK;
	case JSON_STRING: *out = json_text(&reading->context->arena, value); return OK;
	case JSON_NUMBER:
		if (is_integer(value.raw)) {
			*out = value.raw;
			return OK;
		}
		return error_set(error, ERR_INVALID, "%s: expected a string, or a number that is written as an integer",
		    member_name(member));
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_ARRAY:
	case JSON_OBJECT: break;
	}
	return error_set(error, ERR_INVALID, "%s: expected a string, a number or null, not %s", member_name(member),
	    json_type_name(value.type));
}

static enum error_code
read_line(struct record_reading *reading, struct slice line, struct error *error)
{
	struct json object;
	enum error_code code = json_parse(line, LIMIT_JSON_DEPTH, &object, error);
	if (code != OK)
		return code;
	if (object.type != JSON_OBJECT)
		return error_set(error, ERR_INVALID, "expected a JSON object, not %s", json_type_name(object.type));
	struct json_iterator members = json_iterate(object);
	struct json key, value;
	while (code == OK && json_next(&members, &key, &value)) {
		struct slice name = json_text(&reading->context->arena, key);
		enum member member = member_find(name);
		if (member != MEMBER_OTHER)
			code = put_member(reading, member, value, error);
		else if (value.type != JSON_NULL)
			record_draft_extra(&reading->draft, name, value.raw);
	}
	return code;
}

enum error_code
record_reading_jsonl(struct record_reading *reading, struct error *error)
{
	struct row_reader *reader = &reading->reader;
	enum error_code code = OK;
	while (code == OK && (reader->at < reader->len || !reader->ended)) {
		const char *from = reader->data + reader->at;
		const char *end = reader->at < reader->len ? memchr(from, '\n', reader->len - reader->at) : NULL;
		if (end == NULL && !reader->ended) {
			code = row_reader_more(reader, error);
			continue;
		}
		size_t length = end == NULL ? reader->len - reader->at : (size_t)(end - from);
		struct slice line = {from, length};
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		size_t number = reader->line++;
		reader->at += length + (end != NULL);
		if (slice_trim(line).len == 0)
			continue;
		code = read_line(reading, line, error);
		if (code != OK)
			error_wrap(error, "%s:%zu", reader->path, number);
		else
			code = record_reading_take(reading, number, error);
	}
	return code;
}
