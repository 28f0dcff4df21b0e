/* The validator: one pass over the text that proves it to be JSON. Nothing is kept but the outermost span;
 * walk.c finds its way through validated bytes without looking for errors again.
 *
 * It recurses once for each open container, and depth_max bounds that. A lone surrogate escape is refused, since
 * no UTF-8 text could hold what it names. */
#include "json/json.h"
#include "json/scan.h"

enum { DEPTH_HARD_MAX = 1024 };

struct scanner {
	const char *at, *end;
	const char *expected; /* what should stand at `at`, once something failed */
	size_t depth_left;
};

static bool scan_value(struct scanner *s);

static bool
fail(struct scanner *s, const char *expected)
{
	s->expected = expected;
	return false;
}

static inline void
skip_space(struct scanner *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
		s->at++;
}

static inline bool
take(struct scanner *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

static bool
scan_hex4(struct scanner *s, unsigned *out)
{
	unsigned value = 0;
	for (int i = 0; i < 4; i++) {
		char c = '\0';
		if (s->at < s->end)
			c = *s->at;
		if (c >= '0' && c <= '9')
			value = value << 4 | (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (unsigned)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value << 4 | (unsigned)(c - 'A' + 10);
		else
			return fail(s, "four hexadecimal digits");
		s->at++;
	}
	*out = value;
	return true;
}

/* Behind the backslash. */
static bool
scan_escape(struct scanner *s)
{
	if (s->at == s->end)
		return fail(s, "an escape");
	char c = *s->at;
	if (c != 'u') {
		if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
			return fail(s, "an escape");
		s->at++;
		return true;
	}
	s->at++;
	unsigned unit;
	if (!scan_hex4(s, &unit))
		return false;
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return fail(s, "a high surrogate before a low one");
	if (unit < 0xd800 || unit > 0xdbff)
		return true;
	if (!take(s, '\\') || !take(s, 'u'))
		return fail(s, "the low surrogate of the pair");
	if (!scan_hex4(s, &unit))
		return false;
	return (unit >= 0xdc00 && unit <= 0xdfff) || fail(s, "the low surrogate of the pair");
}

static bool
scan_string(struct scanner *s)
{
	s->at++;
	for (;;) {
		s->at = scan_plain(s->at, s->end);
		if (s->at == s->end)
			return fail(s, "the end of the string");
		unsigned char byte = (unsigned char)*s->at;
		if (byte == '"') {
			s->at++;
			return true;
		}
		if (byte == '\\') {
			s->at++;
			if (!scan_escape(s))
				return false;
		} else if (byte < 0x20) {
			return fail(s, "an escape in place of a control character");
		} else {
			size_t length = scan_utf8(s->at, s->end);
			if (length == 0)
				return fail(s, "UTF-8");
			s->at += length;
		}
	}
}

static bool
scan_digits(struct scanner *s)
{
	const char *start = s->at;
	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > start || fail(s, "a digit");
}

static bool
scan_number(struct scanner *s)
{
	(void)take(s, '-');
	if (!take(s, '0') && !scan_digits(s))
		return false;
	if (take(s, '.') && !scan_digits(s))
		return false;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			(void)take(s, '-');
		return scan_digits(s);
	}
	return true;
}

static bool
scan_word(struct scanner *s, struct slice word)
{
	if ((size_t)(s->end - s->at) < word.len || memcmp(s->at, word.ptr, word.len) != 0)
		return fail(s, "a value");
	s->at += word.len;
	return true;
}

static bool
scan_array(struct scanner *s)
{
	s->at++;
	skip_space(s);
	if (take(s, ']'))
		return true;
	for (;;) {
		if (!scan_value(s))
			return false;
		skip_space(s);
		if (take(s, ']'))
			return true;
		if (!take(s, ','))
			return fail(s, "',' or ']'");
		skip_space(s);
	}
}

static bool
scan_object(struct scanner *s)
{
	s->at++;
	skip_space(s);
	if (take(s, '}'))
		return true;
	for (;;) {
		if (s->at == s->end || *s->at != '"')
			return fail(s, "a member name in quotes");
		if (!scan_string(s))
			return false;
		skip_space(s);
		if (!take(s, ':'))
			return fail(s, "':'");
		skip_space(s);
		if (!scan_value(s))
			return false;
		skip_space(s);
		if (take(s, '}'))
			return true;
		if (!take(s, ','))
			return fail(s, "',' or '}'");
		skip_space(s);
	}
}

static bool
scan_value(struct scanner *s)
{
	if (s->at == s->end)
		return fail(s, "a value");
	switch (*s->at) {
	case '"': return scan_string(s);
	case 't': return scan_word(s, SLICE("true"));
	case 'f': return scan_word(s, SLICE("false"));
	case 'n': return scan_word(s, SLICE("null"));
	case '{':
	case '[': {
		if (s->depth_left == 0)
			return fail(s, "no deeper nesting");
		s->depth_left--;
		bool good = *s->at == '{' ? scan_object(s) : scan_array(s);
		s->depth_left++;
		return good;
	}
	default: break;
	}
	if (*s->at != '-' && (*s->at < '0' || *s->at > '9'))
		return fail(s, "a value");
	return scan_number(s);
}

static enum json_type
type_of(char first)
{
	switch (first) {
	case '{': return JSON_OBJECT;
	case '[': return JSON_ARRAY;
	case '"': return JSON_STRING;
	case 't': return JSON_TRUE;
	case 'f': return JSON_FALSE;
	case 'n': return JSON_NULL;
	default: return JSON_NUMBER;
	}
}

enum error_code
json_parse(struct slice text, size_t depth_max, struct json *out, struct error *error)
{
	ENSURE(depth_max <= DEPTH_HARD_MAX);
	*out = JSON_ABSENT;
	const char *start = text.ptr == NULL ? "" : text.ptr;
	struct scanner s = {.at = start, .end = start + text.len, .depth_left = depth_max};
	skip_space(&s);
	const char *first = s.at;
	bool good = scan_value(&s);
	const char *last = s.at;
	if (good) {
		skip_space(&s);
		good = s.at == s.end || fail(&s, "the end of the text");
	}
	if (!good) {
		size_t offset = (size_t)(s.at - start);
		return error_set(error, ERR_INVALID, "not JSON: at byte %zu expected %s", offset, s.expected);
	}
	*out = (struct json){type_of(*first), {first, (size_t)(last - first)}};
	return OK;
}

const char *
json_type_name(enum json_type type)
{
	switch (type) {
	case JSON_NULL: return "null";
	case JSON_FALSE:
	case JSON_TRUE: return "boolean";
	case JSON_NUMBER: return "number";
	case JSON_STRING: return "string";
	case JSON_ARRAY: return "array";
	case JSON_OBJECT: return "object";
	}
	UNREACHABLE();
}
