/* Walking validated JSON: members, elements, and the text of strings. Every function here trusts the validator
 * (invariant 2 of json.h), so it finds the end of a value by its shape alone. */
#include "json/json.h"
#include "json/scan.h"

#include <stdlib.h>

enum { FEW_MEMBERS = 16, ESCAPED_BYTES_MAX = 4 };

/* --- spans ------------------------------------------------------------------------------------------ */

/* From a string's opening quote to behind its closing one. */
static const char *
skip_string(const char *at, const char *end)
{
	at++;
	for (;;) {
		at = scan_plain(at, end);
		if (*at == '"')
			return at + 1;
		at += *at == '\\' ? 2 : 1;
	}
}

/* The next byte that can change the nesting: a quote or a bracket. */
static const char *
next_mark(const char *at, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}');
	const __m128i fold = _mm_set1_epi8(0x20);
	for (; end - at >= 16; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
		/* Bit 5 is all that tells a square bracket from a brace. */
		__m128i folded = _mm_or_si128(bytes, fold);
		__m128i marks = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
		    _mm_or_si128(_mm_cmpeq_epi8(folded, open), _mm_cmpeq_epi8(folded, close)));
		unsigned mask = (unsigned)_mm_movemask_epi8(marks);
		if (mask != 0)
			return at + __builtin_ctz(mask);
	}
#endif
	while (at < end && *at != '"' && (*at | 0x20) != '{' && (*at | 0x20) != '}')
		at++;
	return at;
}

static const char *
skip_container(const char *at, const char *end)
{
	size_t depth = 0;
	for (;;) {
		if (*at == '"')
			at = skip_string(at, end);
		else if ((*at++ | 0x20) == '{')
			depth++;
		else if (--depth == 0)
			return at;
		at = next_mark(at, end);
	}
}

static bool
ends_scalar(char c)
{
	return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static struct json
value_at(const char *at, const char *end)
{
	const char *start = at;
	enum json_type type;
	switch (*at) {
	case '{':
		type = JSON_OBJECT;
		at = skip_container(at, end);
		break;
	case '[':
		type = JSON_ARRAY;
		at = skip_container(at, end);
		break;
	case '"':
		type = JSON_STRING;
		at = skip_string(at, end);
		break;
	default:
		type = *at == 't' ? JSON_TRUE : *at == 'f' ? JSON_FALSE : *at == 'n' ? JSON_NULL : JSON_NUMBER;
		while (at < end && !ends_scalar(*at))
			at++;
		break;
	}
	return (struct json){type, {start, (size_t)(at - start)}};
}

struct json_iterator
json_iterate(struct json container)
{
	ENSURE(container.type == JSON_OBJECT || container.type == JSON_ARRAY);
	return (struct json_iterator){container.raw.ptr + 1, container.raw.ptr + container.raw.len - 1};
}

/* Skips white space and `separator`. */
static const char *
skip_to_token(const char *at, const char *end, char separator)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t' || *at == separator))
		at++;
	return at;
}

bool
json_next(struct json_iterator *iterator, struct json *key, struct json *value)
{
	*key = JSON_ABSENT;
	*value = JSON_ABSENT;
	const char *at = iterator->at, *end = iterator->end;
	if (at == end)
		return false;
	at = skip_to_token(at, end, ',');
	if (at == end) {
		iterator->at = end;
		return false;
	}
	/* The closing bracket, just behind `end`, tells an object from an array. */
	if (*end == '}') {
		*key = value_at(at, end);
		at = skip_to_token(at + key->raw.len, end, ':');
	}
	*value = value_at(at, end);
	iterator->at = at + value->raw.len;
	return true;
}

size_t
json_count(struct json container)
{
	struct json_iterator iterator = json_iterate(container);
	struct json key, value;
	size_t count = 0;
	while (json_next(&iterator, &key, &value))
		count++;
	return count;
}

/* --- text ------------------------------------------------------------------------------------------- */

static unsigned
hex4(const char *at)
{
	unsigned value = 0;
	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)at[i];
		value = value << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

static size_t
put_utf8(unsigned point, char out[static ESCAPED_BYTES_MAX])
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xc0 | point >> 6);
		out[1] = (char)(0x80 | (point & 63));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xe0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 63));
		out[2] = (char)(0x80 | (point & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 63));
	out[2] = (char)(0x80 | (point >> 6 & 63));
	out[3] = (char)(0x80 | (point & 63));
	return 4;
}

/* Resolves the escape whose backslash is at `*at`, moves behind it, and returns how many bytes it stands for. */
static size_t
resolve_escape(const char **at, char out[static ESCAPED_BYTES_MAX])
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c = (*at)[1];
	if (c != 'u') {
		out[0] = values[strchr(names, c) - names];
		*at += 2;
		return 1;
	}
	unsigned point = hex4(*at + 2);
	*at += 6;
	if (point >= 0xd800 && point <= 0xdbff) {
		point = 0x10000 + ((point - 0xd800) << 10) + (hex4(*at + 2) - 0xdc00);
		*at += 6;
	}
	return put_utf8(point, out);
}

/* The next run of a string's text: a stretch of its own bytes, or what one escape stands for (in `scratch`).
 * `*inside` is what is left of the string between its quotes. */
static struct slice
next_run(struct slice *inside, char scratch[static ESCAPED_BYTES_MAX])
{
	if (inside->ptr[0] == '\\') {
		const char *at = inside->ptr;
		size_t length = resolve_escape(&at, scratch);
		*inside = slice_skip(*inside, (size_t)(at - inside->ptr));
		return (struct slice){scratch, length};
	}
	const char *escape = memchr(inside->ptr, '\\', inside->len);
	size_t length = escape == NULL ? inside->len : (size_t)(escape - inside->ptr);
	struct slice run = {inside->ptr, length};
	*inside = slice_skip(*inside, length);
	return run;
}

static struct slice
between_quotes(struct json string)
{
	ENSURE(string.type == JSON_STRING && json_present(string));
	return (struct slice){string.raw.ptr + 1, string.raw.len - 2};
}

struct slice
json_text(struct arena *arena, struct json string)
{
	struct slice inside = between_quotes(string);
	if (inside.len == 0 || memchr(inside.ptr, '\\', inside.len) == NULL)
		return arena_copy(arena, inside);
	/* No escape stands for more bytes than it has. */
	char *text = arena_alloc(arena, inside.len + 1);
	size_t length = 0;
	while (inside.len > 0) {
		char scratch[ESCAPED_BYTES_MAX];
		struct slice run = next_run(&inside, scratch);
		memcpy(text + length, run.ptr, run.len);
		length += run.len;
	}
	return (struct slice){text, length};
}

bool
json_text_is(struct json string, struct slice text)
{
	struct slice inside = between_quotes(string);
	while (inside.len > 0) {
		char scratch[ESCAPED_BYTES_MAX];
		struct slice run = next_run(&inside, scratch);
		if (!slice_starts(text, run))
			return false;
		text = slice_skip(text, run.len);
	}
	return text.len == 0;
}

bool
json_int64(struct json number, int64_t *out)
{
	if (number.type != JSON_NUMBER || !json_present(number))
		return false;
	bool minus = number.raw.ptr[0] == '-';
	struct slice digits = slice_skip(number.raw, minus ? 1 : 0);
	int64_t value = 0;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return false;
		/* Negative numbers reach one further, so the value is built below zero. */
		if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
		    __builtin_sub_overflow(value, (int64_t)(digits.ptr[i] - '0'), &value))
			return false;
	}
	if (!minus && value == INT64_MIN)
		return false;
	*out = minus ? value : -value;
	return true;
}

/* --- members ---------------------------------------------------------------------------------------- */

struct json
json_member(struct json object, const char *name)
{
	if (object.type != JSON_OBJECT || !json_present(object))
		return JSON_ABSENT;
	struct slice wanted = slice_of(name);
	struct json_iterator iterator = json_iterate(object);
	struct json key, value, found = JSON_ABSENT;
	while (json_next(&iterator, &key, &value))
		if (json_text_is(key, wanted))
			found = value;
	return found;
}

/* Orders two strings by the bytes of their text. */
static int
compare_text(const void *left, const void *right)
{
	struct slice a = between_quotes(*(const struct json *)left), b = between_quotes(*(const struct json *)right);
	char scratch_a[ESCAPED_BYTES_MAX], scratch_b[ESCAPED_BYTES_MAX];
	struct slice run_a = {"", 0}, run_b = {"", 0};
	for (;;) {
		if (run_a.len == 0 && a.len > 0)
			run_a = next_run(&a, scratch_a);
		if (run_b.len == 0 && b.len > 0)
			run_b = next_run(&b, scratch_b);
		size_t common = run_a.len < run_b.len ? run_a.len : run_b.len;
		if (common == 0)
			return run_a.len > 0 ? 1 : run_b.len > 0 ? -1 : 0;
		int order = memcmp(run_a.ptr, run_b.ptr, common);
		if (order != 0)
			return order;
		run_a = slice_skip(run_a, common);
		run_b = slice_skip(run_b, common);
	}
}

/* Sorts, so that an object of many members costs n log n and not n squared. */
bool
json_has_duplicates(struct json object)
{
	ENSURE(object.type == JSON_OBJECT);
	size_t count = json_count(object);
	struct json few[FEW_MEMBERS];
	struct json *keys = count <= FEW_MEMBERS ? few : mem_zero(count, sizeof *keys);
	struct json_iterator iterator = json_iterate(object);
	struct json value;
	for (size_t i = 0; i < count; i++)
		ENSURE(json_next(&iterator, &keys[i], &value));
	qsort(keys, count, sizeof *keys, compare_text);
	bool found = false;
	for (size_t i = 1; i < count && !found; i++)
		found = compare_text(&keys[i - 1], &keys[i]) == 0;
	if (keys != few)
		free(keys);
	return found;
}
