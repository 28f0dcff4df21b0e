/* The writer: text appended to a buf, with the commas put where they belong. A wrong order of calls (a value
 * without its key, a bracket too many) is a programmer's error and aborts. */
#include "json/json.h"
#include "json/scan.h"

#include "base/limits.h"

#include <inttypes.h>

static uint64_t
bit_of(const struct json_writer *writer)
{
	return (uint64_t)1 << (writer->depth - 1);
}

static bool
in_object(const struct json_writer *writer)
{
	return writer->depth > 0 && (writer->object & bit_of(writer)) != 0;
}

/* Puts the comma that the next member or element needs. */
static void
separate(struct json_writer *writer)
{
	if (writer->depth == 0)
		return;
	if ((writer->filled & bit_of(writer)) != 0)
		buf_byte(writer->out, ',');
	writer->filled |= bit_of(writer);
}

static void
begin_value(struct json_writer *writer)
{
	if (writer->after_key) {
		writer->after_key = false;
		return;
	}
	ENSURE(!in_object(writer));
	separate(writer);
}

static void
write_escaped(struct buf *out, unsigned char byte)
{
	switch (byte) {
	case '"': buf_append(out, SLICE("\\\"")); break;
	case '\\': buf_append(out, SLICE("\\\\")); break;
	case '\b': buf_append(out, SLICE("\\b")); break;
	case '\f': buf_append(out, SLICE("\\f")); break;
	case '\n': buf_append(out, SLICE("\\n")); break;
	case '\r': buf_append(out, SLICE("\\r")); break;
	case '\t': buf_append(out, SLICE("\\t")); break;
	default: buf_printf(out, "\\u%04x", byte); break;
	}
}

static void
write_quoted(struct buf *out, struct slice text)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	buf_byte(out, '"');
	while (at < end) {
		const char *stop = scan_plain(at, end);
		buf_append(out, (struct slice){at, (size_t)(stop - at)});
		at = stop;
		if (at == end)
			break;
		if ((unsigned char)*at < 0x80) {
			write_escaped(out, (unsigned char)*at++);
			continue;
		}
		size_t length = scan_utf8(at, end);
		if (length == 0) {
			buf_append(out, SLICE("\xef\xbf\xbd"));
			at++;
		} else {
			buf_append(out, (struct slice){at, length});
			at += length;
		}
	}
	buf_byte(out, '"');
}

void
json_writer_init(struct json_writer *writer, struct buf *out)
{
	*writer = (struct json_writer){.out = out};
}

void
json_open(struct json_writer *writer, char bracket)
{
	ENSURE(bracket == '{' || bracket == '[');
	ENSURE(writer->depth < LIMIT_JSON_DEPTH);
	begin_value(writer);
	buf_byte(writer->out, bracket);
	writer->depth++;
	writer->filled &= ~bit_of(writer);
	if (bracket == '{')
		writer->object |= bit_of(writer);
	else
		writer->object &= ~bit_of(writer);
}

void
json_close(struct json_writer *writer)
{
	ENSURE(writer->depth > 0 && !writer->after_key);
	buf_byte(writer->out, in_object(writer) ? '}' : ']');
	writer->depth--;
}

void
json_key_slice(struct json_writer *writer, struct slice name)
{
	ENSURE(in_object(writer) && !writer->after_key);
	separate(writer);
	write_quoted(writer->out, name);
	buf_byte(writer->out, ':');
	writer->after_key = true;
}

void
json_key(struct json_writer *writer, const char *name)
{
	json_key_slice(writer, slice_of(name));
}

void
json_raw(struct json_writer *writer, struct slice json)
{
	begin_value(writer);
	buf_append(writer->out, json);
}

void
json_null(struct json_writer *writer)
{
	json_raw(writer, SLICE("null"));
}

void
json_string(struct json_writer *writer, struct slice text)
{
	if (!slice_present(text)) {
		json_null(writer);
		return;
	}
	begin_value(writer);
	write_quoted(writer->out, text);
}

void
json_integer(struct json_writer *writer, int64_t value)
{
	begin_value(writer);
	buf_printf(writer->out, "%" PRId64, value);
}

void
json_bool(struct json_writer *writer, bool value)
{
	json_raw(writer, value ? SLICE("true") : SLICE("false"));
}

void
json_put_string(struct json_writer *writer, const char *name, struct slice text)
{
	json_key(writer, name);
	json_string(writer, text);
}

void
json_put_cstring(struct json_writer *writer, const char *name, const char *text)
{
	json_put_string(writer, name, slice_of(text));
}

void
json_put_integer(struct json_writer *writer, const char *name, int64_t value)
{
	json_key(writer, name);
	json_integer(writer, value);
}

void
json_put_bool(struct json_writer *writer, const char *name, bool value)
{
	json_key(writer, name);
	json_bool(writer, value);
}
