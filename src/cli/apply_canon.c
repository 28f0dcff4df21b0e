/* Canonical JSON: the one form in which a file's and a server's values are compared (apply.h, invariant 1). */
#include "cli/apply.h"

#include <stdlib.h>

struct pair {
	struct slice name;
	struct json value;
	size_t at;
};

/* Of equal names the last one first, as that is the one which counts. */
static int
order_pairs(const void *a, const void *b)
{
	const struct pair *left = a, *right = b;
	int order = slice_compare(left->name, right->name);
	return order != 0 ? order : (left->at > right->at ? -1 : 1);
}

static void
write_string(struct buf *out, struct slice text)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_string(&writer, text);
}

static void
write_object(struct arena *arena, struct json object, struct buf *out)
{
	size_t count = 0;
	struct pair *pairs = arena_alloc(arena, (json_count(object) + 1) * sizeof *pairs);
	struct json_iterator iterator = json_iterate(object);
	struct json key, value;
	while (json_next(&iterator, &key, &value)) {
		pairs[count] = (struct pair){json_text(arena, key), value, count};
		count++;
	}
	qsort(pairs, count, sizeof *pairs, order_pairs);
	buf_byte(out, '{');
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && slice_equal(pairs[i - 1].name, pairs[i].name))
			continue;
		if (i > 0)
			buf_byte(out, ',');
		write_string(out, pairs[i].name);
		buf_byte(out, ':');
		apply_canonical(arena, pairs[i].value, out);
	}
	buf_byte(out, '}');
}

/* Recursion is bounded by the depth with which the value was parsed. */
void
apply_canonical(struct arena *arena, struct json value, struct buf *out)
{
	switch (value.type) {
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
	case JSON_NUMBER: buf_append(out, value.raw); return;
	case JSON_STRING: write_string(out, json_text(arena, value)); return;
	case JSON_OBJECT: write_object(arena, value, out); return;
	case JSON_ARRAY: break;
	}
	struct json_iterator iterator = json_iterate(value);
	struct json key, item;
	buf_byte(out, '[');
	for (size_t i = 0; json_next(&iterator, &key, &item); i++) {
		if (i > 0)
			buf_byte(out, ',');
		apply_canonical(arena, item, out);
	}
	buf_byte(out, ']');
}

struct slice
apply_canonical_copy(struct arena *arena, struct json value)
{
	struct buf out;
	buf_init(&out, APPLY_VALUE_BYTES_MAX);
	apply_canonical(arena, value, &out);
	ENSURE(!out.overflow);
	struct slice copy = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return copy;
}

struct slice
apply_quote(struct arena *arena, struct slice text)
{
	struct buf out;
	buf_init(&out, APPLY_VALUE_BYTES_MAX);
	write_string(&out, text);
	ENSURE(!out.overflow);
	struct slice copy = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return copy;
}

struct json
apply_json(struct slice canonical)
{
	struct json value;
	ENSURE(json_parse(canonical, APPLY_DEPTH_MAX, &value, NULL) == OK);
	return value;
}

static int
order_texts(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

struct slice
apply_names(struct arena *arena, struct slice_list names)
{
	return names.count == 0 ? SLICE("null") : apply_set(arena, names);
}

struct slice
apply_set(struct arena *arena, struct slice_list names)
{
	struct buf out;
	buf_init(&out, APPLY_VALUE_BYTES_MAX);
	if (names.count > 0)
		qsort(names.items, names.count, sizeof *names.items, order_texts);
	buf_byte(&out, '[');
	for (size_t i = 0; i < names.count; i++) {
		if (i > 0 && slice_equal(names.items[i - 1], names.items[i]))
			continue;
		if (i > 0)
			buf_byte(&out, ',');
		write_string(&out, names.items[i]);
	}
	buf_byte(&out, ']');
	ENSURE(!out.overflow);
	struct slice copy = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return copy;
}

/* --- URLs ------------------------------------------------------------------------------------------- */

static void
append_lower(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_byte(out, text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? (char)(text.ptr[i] | 0x20) : text.ptr[i]);
}

/* The host and, where it is not the scheme's own, the port. */
static void
append_authority(struct buf *out, struct slice authority, int64_t own_port)
{
	size_t colon = authority.len;
	for (size_t i = authority.len; i-- > 0 && authority.ptr[i] != ']';)
		if (authority.ptr[i] == ':') {
			colon = i;
			break;
		}
	append_lower(out, (struct slice){authority.ptr, colon});
	struct slice port = slice_skip(authority, colon + 1);
	int64_t number = own_port;
	if (port.len > 0 && !slice_to_int64(port, &number))
		buf_printf(out, ":%.*s", SLICE_ARG(port));
	else if (number != own_port)
		buf_printf(out, ":%lld", (long long)number);
}

/* Scheme and host in lower case, no port that the scheme has anyway, a path, no fragment: as server/url.c has it. */
struct slice
apply_url(struct arena *arena, struct slice text)
{
	bool https = text.len > 8 && slice_equal_nocase((struct slice){text.ptr, 8}, SLICE("https://"));
	bool http = text.len > 7 && slice_equal_nocase((struct slice){text.ptr, 7}, SLICE("http://"));
	if (!http && !https)
		return text;
	struct slice rest = slice_skip(text, https ? 8 : 7);
	size_t length = 0;
	while (length < rest.len && strchr("/?#", rest.ptr[length]) == NULL)
		length++;
	struct slice path = slice_skip(rest, length);
	struct buf out;
	buf_init(&out, text.len + 32);
	buf_text(&out, https ? "https://" : "http://");
	append_authority(&out, (struct slice){rest.ptr, length}, https ? 443 : 80);
	path = path.len == 0 ? path : slice_cut(&path, '#');
	if (path.len == 0 || path.ptr[0] != '/')
		buf_byte(&out, '/');
	buf_append(&out, path);
	struct slice normal = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return normal;
}
