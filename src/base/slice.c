#include "base/slice.h"

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool
slice_equal_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

struct slice
slice_trim(struct slice s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = slice_skip(s, 1);
	while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

struct slice
slice_cut(struct slice *rest, char separator)
{
	struct slice whole = *rest;
	const char *at = whole.len == 0 ? NULL : memchr(whole.ptr, separator, whole.len);
	if (at == NULL) {
		*rest = SLICE_NONE;
		return whole;
	}
	size_t length = (size_t)(at - whole.ptr);
	*rest = slice_skip(whole, length + 1);
	return (struct slice){whole.ptr, length};
}

bool
slice_to_int64(struct slice s, int64_t *out)
{
	if (s.len == 0)
		return false;
	int64_t value = 0;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
		    __builtin_add_overflow(value, (int64_t)(s.ptr[i] - '0'), &value))
			return false;
	}
	*out = value;
	return true;
}

int
slice_compare(struct slice a, struct slice b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
	if (order != 0)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

bool
slice_among(struct slice s, const char *const *names, size_t count, size_t *out)
{
	for (size_t i = 0; i < count; i++)
		if (slice_is(s, names[i])) {
			*out = i;
			return true;
		}
	return false;
}
