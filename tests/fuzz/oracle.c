/* Integers are read as reals, because jansson's integers end at 64 bits. Its own rules are: no number beyond a double,
 * no name with a NUL in it, and no nesting beyond 2048. */
#include "oracle.h"

#include <jansson.h>

static void
write_value(struct buf *out, json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL: buf_byte(out, 'n'); return;
	case JSON_FALSE: buf_byte(out, 'f'); return;
	case JSON_TRUE: buf_byte(out, 't'); return;
	case JSON_INTEGER:
	case JSON_REAL: buf_byte(out, '#'); return;
	case JSON_STRING:
		buf_printf(out, "%zu:", json_string_length(value));
		buf_append(out, (struct slice){json_string_value(value), json_string_length(value)});
		return;
	case JSON_ARRAY:
		buf_byte(out, '[');
		for (size_t i = 0; i < json_array_size(value); i++)
			write_value(out, json_array_get(value, i));
		buf_byte(out, ']');
		return;
	case JSON_OBJECT:
		buf_byte(out, '{');
		for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at)) {
			struct slice name = slice_of(json_object_iter_key(at));
			buf_printf(out, "%zu:", name.len);
			buf_append(out, name);
			write_value(out, json_object_iter_value(at));
		}
		buf_byte(out, '}');
		return;
	}
	UNREACHABLE();
}

enum oracle_verdict
oracle_read(struct slice text, struct buf *out)
{
	json_error_t error;
	size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
	json_t *value = json_loadb(text.ptr, text.len, flags, &error);
	if (value != NULL) {
		write_value(out, value);
		json_decref(value);
		return ORACLE_ACCEPTED;
	}
	enum json_error_code code = json_error_code(&error);
	bool own_rule = code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
			code == json_error_stack_overflow;
	return own_rule ? ORACLE_DIFFERS : ORACLE_REFUSED;
}
