/* JSON: a strict RFC 8259 reader over bytes that stay where they are, and a writer into a buffer.
 *
 * The reader validates the whole text once (grammar, UTF-8 of RFC 3629, escapes incl. surrogate pairs, depth)
 * and then walks it: every value is a span of the caller's bytes, so what was posted can be stored, signed and
 * sent byte for byte. It allocates nothing. It is not a DOM: nothing is built, sorted or printed anew.
 *
 * Invariants
 * 1. json_parse accepts exactly RFC 8259 texts in UTF-8 without a byte order mark, up to `depth_max` deep.
 * 2. A `struct json` is only ever made from validated bytes, so walking it cannot fail.
 * 3. Duplicate member names are accepted by the grammar; json_member finds the last one that stands
 *    (what every common parser does), and json_has_duplicates tells. */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/buf.h"
#include "base/error.h"

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* A value: its exact bytes, without white space around it. Absent: raw.ptr == NULL. */
struct json {
	enum json_type type;
	struct slice raw;
};

#define JSON_ABSENT ((struct json){JSON_NULL, SLICE_NONE})

static inline bool
json_present(struct json value)
{
	return value.raw.ptr != NULL;
}

/* Errors: ERR_INVALID with the byte offset and what was expected (never a piece of the text). */
MUST_CHECK enum error_code json_parse(struct slice text, size_t depth_max, struct json *out, struct error *error);

/* The member's value, or JSON_ABSENT. `object` must be an object. Names compare after resolving escapes. */
struct json json_member(struct json object, const char *name);
bool json_has_duplicates(struct json object);

/* Walks members or elements: start from a zeroed iterator. `key` is the raw string token (with quotes) for
 * objects, JSON_ABSENT for arrays. */
struct json_iterator {
	const char *at, *end;
};
struct json_iterator json_iterate(struct json container);
MUST_CHECK bool json_next(struct json_iterator *iterator, struct json *key, struct json *value);
size_t json_count(struct json container);

/* The text of a string with escapes resolved, in `arena`. */
struct slice json_text(struct arena *arena, struct json string);
/* True when a string value's text equals `text`, without allocating. */
bool json_text_is(struct json string, struct slice text);
/* A number that is an integer within int64_t, written as one (`1`, not `1.0` or `1e0`). */
MUST_CHECK bool json_int64(struct json number, int64_t *out);
const char *json_type_name(enum json_type type); /* "object", "string", … */

/* The writer: appends to a buf and puts the commas. Containers nest up to LIMIT_JSON_DEPTH.
 *   json_open(&w, '{'); json_key(&w, "id"); json_string(&w, id); json_close(&w); */
struct json_writer {
	struct buf *out;
	uint64_t filled; /* bit d: the container at depth d has a member already */
	uint64_t object; /* bit d: it is an object */
	unsigned depth;
	bool after_key;
};

void json_writer_init(struct json_writer *writer, struct buf *out);
void json_open(struct json_writer *writer, char bracket); /* '{' or '[' */
void json_close(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *name);
void json_key_slice(struct json_writer *writer, struct slice name);
void json_string(struct json_writer *writer, struct slice text); /* absent writes null; invalid UTF-8 becomes U+FFFD */
void json_integer(struct json_writer *writer, int64_t value);
void json_bool(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);
void json_raw(struct json_writer *writer, struct slice json); /* valid JSON, as it is */
/* Shorthand for a key and its value. */
void json_put_string(struct json_writer *writer, const char *name, struct slice text);
void json_put_cstring(struct json_writer *writer, const char *name, const char *text);
void json_put_integer(struct json_writer *writer, const char *name, int64_t value);
void json_put_bool(struct json_writer *writer, const char *name, bool value);

#endif
