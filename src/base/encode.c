#include "base/encode.h"

static const char standard_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
hex_append(struct buf *out, struct slice bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *room = buf_reserve(out, bytes.len * 2);
	if (room == NULL)
		return;
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned byte = (unsigned char)bytes.ptr[i];
		room[2 * i] = digits[byte >> 4];
		room[2 * i + 1] = digits[byte & 15];
	}
	out->len += bytes.len * 2;
}

static void
encode64(struct buf *out, struct slice bytes, const char *alphabet, bool pad)
{
	char *room = buf_reserve(out, (bytes.len + 2) / 3 * 4);
	if (room == NULL)
		return;
	size_t at = 0;
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t group = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
		if (left > 1)
			group |= (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8;
		if (left > 2)
			group |= (uint32_t)(unsigned char)bytes.ptr[i + 2];
		room[at++] = alphabet[group >> 18 & 63];
		room[at++] = alphabet[group >> 12 & 63];
		if (left > 1)
			room[at++] = alphabet[group >> 6 & 63];
		else if (pad)
			room[at++] = '=';
		if (left > 2)
			room[at++] = alphabet[group & 63];
		else if (pad)
			room[at++] = '=';
	}
	out->len += at;
}

void
base64_append(struct buf *out, struct slice bytes)
{
	encode64(out, bytes, standard_alphabet, true);
}

void
base64url_append(struct buf *out, struct slice bytes)
{
	encode64(out, bytes, url_alphabet, false);
}

static int
value_of(const char *alphabet, char c)
{
	const char *at = c == '\0' ? NULL : strchr(alphabet, c);
	return at == NULL ? -1 : (int)(at - alphabet);
}

static struct slice
decode64(struct arena *arena, struct slice text, const char *alphabet)
{
	size_t tail = text.len % 4;
	if (tail == 1)
		return SLICE_NONE;
	char *bytes = arena_alloc(arena, text.len / 4 * 3 + 3);
	size_t length = 0;
	uint32_t group = 0;
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(alphabet, text.ptr[i]);
		if (value < 0)
			return SLICE_NONE;
		group = group << 6 | (uint32_t)value;
		if (i % 4 == 3) {
			bytes[length++] = (char)(group >> 16 & 255);
			bytes[length++] = (char)(group >> 8 & 255);
			bytes[length++] = (char)(group & 255);
			group = 0;
		}
	}
	if (tail == 2) {
		if ((group & 15) != 0)
			return SLICE_NONE;
		bytes[length++] = (char)(group >> 4 & 255);
	} else if (tail == 3) {
		if ((group & 3) != 0)
			return SLICE_NONE;
		bytes[length++] = (char)(group >> 10 & 255);
		bytes[length++] = (char)(group >> 2 & 255);
	}
	return (struct slice){bytes, length};
}

struct slice
base64_decode(struct arena *arena, struct slice text, bool padding_optional)
{
	if (text.len % 4 == 0) {
		for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
			text.len--;
	} else if (!padding_optional) {
		return SLICE_NONE;
	}
	return decode64(arena, text, standard_alphabet);
}

struct slice
base64url_decode(struct arena *arena, struct slice text)
{
	return decode64(arena, text, url_alphabet);
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

struct slice
hex_decode(struct arena *arena, struct slice text)
{
	if (text.len % 2 != 0)
		return SLICE_NONE;
	char *bytes = arena_alloc(arena, text.len / 2 + 1);
	for (size_t i = 0; i < text.len; i += 2) {
		int high = hex_value(text.ptr[i]), low = hex_value(text.ptr[i + 1]);
		if (high < 0 || low < 0)
			return SLICE_NONE;
		bytes[i / 2] = (char)(high << 4 | low);
	}
	return (struct slice){bytes, text.len / 2};
}

struct slice
percent_decode(struct arena *arena, struct slice text, bool plus_is_space)
{
	char *bytes = arena_alloc(arena, text.len + 1);
	size_t length = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '%') {
			if (text.len - i < 3)
				return SLICE_NONE;
			int high = hex_value(text.ptr[i + 1]), low = hex_value(text.ptr[i + 2]);
			if (high < 0 || low < 0)
				return SLICE_NONE;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		bytes[length++] = c;
	}
	return (struct slice){bytes, length};
}
