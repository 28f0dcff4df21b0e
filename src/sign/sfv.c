/* The parser follows RFC 8941 section 4.2 step by step: each take_ function reads one thing at the front of the input
 * and moves behind it, or fails. */
#include "sign/sfv.h"

#include "base/encode.h"
#include "base/limits.h"

#include <inttypes.h>

enum { INTEGER_DIGITS_MAX = 15, DECIMAL_DIGITS_MAX = 12, FRACTION_DIGITS_MAX = 3 };

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_alpha(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static char
first(struct slice in)
{
	return in.len == 0 ? '\0' : in.ptr[0];
}

static bool
take(struct slice *in, char c)
{
	if (in->len == 0 || in->ptr[0] != c)
		return false;
	*in = slice_skip(*in, 1);
	return true;
}

static void
skip_spaces(struct slice *in)
{
	while (take(in, ' '))
		continue;
}

static void
skip_spaces_and_tabs(struct slice *in)
{
	while (first(*in) == ' ' || first(*in) == '\t')
		*in = slice_skip(*in, 1);
}

static struct slice
take_front(struct slice *in, size_t length)
{
	struct slice front = {in->ptr, length};
	*in = slice_skip(*in, length);
	return front;
}

/* --- bare items -------------------------------------------------------------------------------------- */

static bool
take_key(struct slice *in, struct slice *out)
{
	if (!is_lower(first(*in)) && first(*in) != '*')
		return false;
	size_t length = 1;
	while (length < in->len &&
	       (is_lower(in->ptr[length]) || is_digit(in->ptr[length]) || is_one_of(in->ptr[length], "_-.*")))
		length++;
	*out = take_front(in, length);
	return true;
}

static size_t
take_digits(struct slice *in, int64_t *number, size_t digits_max)
{
	size_t digits = 0;
	while (digits <= digits_max && is_digit(first(*in))) {
		*number = *number * 10 + (in->ptr[0] - '0');
		digits++;
		*in = slice_skip(*in, 1);
	}
	return digits;
}

static bool
take_number(struct slice *in, struct sfv_value *out)
{
	bool minus = take(in, '-');
	int64_t number = 0;
	size_t digits = take_digits(in, &number, INTEGER_DIGITS_MAX);
	if (digits == 0 || digits > INTEGER_DIGITS_MAX)
		return false;
	out->type = SFV_INTEGER;
	if (take(in, '.')) {
		size_t fraction = take_digits(in, &number, FRACTION_DIGITS_MAX);
		if (digits > DECIMAL_DIGITS_MAX || fraction == 0 || fraction > FRACTION_DIGITS_MAX)
			return false;
		for (; fraction < FRACTION_DIGITS_MAX; fraction++)
			number *= 10;
		out->type = SFV_DECIMAL;
	}
	out->number = minus ? -number : number;
	return true;
}

static bool
take_string(struct arena *arena, struct slice *in, struct sfv_value *out)
{
	/* Found before it is copied, so that what many short strings take stays linear in the text. */
	size_t end = 1, escapes = 0;
	while (end < in->len && in->ptr[end] != '"') {
		char c = in->ptr[end];
		if (c == '\\') {
			end++;
			escapes++;
			if (end == in->len || (in->ptr[end] != '"' && in->ptr[end] != '\\'))
				return false;
		} else if (c < 0x20 || c > 0x7e) {
			return false;
		}
		end++;
	}
	if (end >= in->len)
		return false;
	char *text = arena_alloc(arena, end - escapes);
	size_t length = 0;
	for (size_t i = 1; i < end; i++) {
		if (in->ptr[i] == '\\')
			i++;
		text[length++] = in->ptr[i];
	}
	out->type = SFV_STRING;
	out->text = (struct slice){text, length};
	*in = slice_skip(*in, end + 1);
	return true;
}

static bool
take_token(struct slice *in, struct sfv_value *out)
{
	size_t length = 1;
	while (length < in->len) {
		char c = in->ptr[length];
		if (!is_alpha(c) && !is_digit(c) && !is_one_of(c, "!#$%&'*+-.^_`|~:/"))
			break;
		length++;
	}
	out->type = SFV_TOKEN;
	out->text = take_front(in, length);
	return true;
}

static bool
take_bytes(struct arena *arena, struct slice *in, struct sfv_value *out)
{
	struct slice rest = slice_skip(*in, 1);
	struct slice text = slice_cut(&rest, ':');
	if (!slice_present(rest))
		return false;
	out->type = SFV_BYTES;
	out->text = base64_decode(arena, text, false);
	*in = rest;
	return slice_present(out->text);
}

static bool
take_boolean(struct slice *in, struct sfv_value *out)
{
	*in = slice_skip(*in, 1);
	out->type = SFV_BOOLEAN;
	out->number = first(*in) == '1';
	return take(in, '0') || take(in, '1');
}

static bool
take_bare_item(struct arena *arena, struct slice *in, struct sfv_value *out)
{
	*out = (struct sfv_value){.text = SLICE_NONE};
	char c = first(*in);
	if (c == '-' || is_digit(c))
		return take_number(in, out);
	if (c == '"')
		return take_string(arena, in, out);
	if (c == ':')
		return take_bytes(arena, in, out);
	if (c == '?')
		return take_boolean(in, out);
	if (c == '*' || is_alpha(c))
		return take_token(in, out);
	return false;
}

/* --- parameters, lists, dictionaries ------------------------------------------------------------------ */

static void *
copy_items(struct arena *arena, const void *items, size_t count, size_t bytes)
{
	void *copy = arena_alloc(arena, count * bytes + 1);
	if (count > 0)
		memcpy(copy, items, count * bytes);
	return copy;
}

static bool
take_parameters(struct arena *arena, struct slice *in, struct sfv_parameters *out)
{
	struct sfv_parameter items[SFV_PARAMETERS_MAX];
	size_t count = 0;
	while (take(in, ';')) {
		skip_spaces(in);
		if (count == SFV_PARAMETERS_MAX)
			return false;
		struct sfv_parameter *item = &items[count];
		if (!take_key(in, &item->key))
			return false;
		item->value = (struct sfv_value){.type = SFV_BOOLEAN, .number = 1};
		if (take(in, '=') && !take_bare_item(arena, in, &item->value))
			return false;
		for (size_t i = 0; i < count; i++)
			if (slice_equal(items[i].key, item->key))
				return false;
		count++;
	}
	*out = (struct sfv_parameters){copy_items(arena, items, count, sizeof *items), count};
	return true;
}

static bool
take_item(struct arena *arena, struct slice *in, struct sfv_item *out)
{
	return take_bare_item(arena, in, &out->value) && take_parameters(arena, in, &out->parameters);
}

static bool
take_inner_list(struct arena *arena, struct slice *in, struct sfv_member *out)
{
	struct sfv_item items[SFV_ITEMS_MAX];
	size_t count = 0;
	*in = slice_skip(*in, 1);
	for (;;) {
		skip_spaces(in);
		if (take(in, ')'))
			break;
		if (count == SFV_ITEMS_MAX || !take_item(arena, in, &items[count]))
			return false;
		count++;
		if (first(*in) != ' ' && first(*in) != ')')
			return false;
	}
	out->is_list = true;
	out->items = copy_items(arena, items, count, sizeof *items);
	out->count = count;
	return take_parameters(arena, in, &out->parameters);
}

static bool
take_member(struct arena *arena, struct slice *in, struct sfv_member *out)
{
	*out = (struct sfv_member){.is_list = false};
	if (!take_key(in, &out->key))
		return false;
	bool has_value = take(in, '=');
	if (has_value && first(*in) == '(')
		return take_inner_list(arena, in, out);
	struct sfv_item item = {.value = {.type = SFV_BOOLEAN, .number = 1}};
	if (has_value ? !take_item(arena, in, &item) : !take_parameters(arena, in, &item.parameters))
		return false;
	out->items = copy_items(arena, &item, 1, sizeof item);
	out->count = 1;
	return true;
}

bool
sfv_parse(struct arena *arena, struct slice text, struct sfv_dictionary *out)
{
	struct sfv_member items[SFV_MEMBERS_MAX];
	size_t count = 0;
	if (text.len > LIMIT_HEADER_BYTES)
		return false;
	skip_spaces(&text);
	while (text.len > 0) {
		if (count == SFV_MEMBERS_MAX || !take_member(arena, &text, &items[count]))
			return false;
		for (size_t i = 0; i < count; i++)
			if (slice_equal(items[i].key, items[count].key))
				return false;
		count++;
		skip_spaces_and_tabs(&text);
		if (text.len == 0)
			break;
		if (!take(&text, ','))
			return false;
		skip_spaces_and_tabs(&text);
		if (text.len == 0)
			return false;
	}
	*out = (struct sfv_dictionary){copy_items(arena, items, count, sizeof *items), count};
	return true;
}

const struct sfv_member *
sfv_member(const struct sfv_dictionary *dictionary, struct slice key)
{
	for (size_t i = 0; i < dictionary->count; i++)
		if (slice_equal(dictionary->items[i].key, key))
			return &dictionary->items[i];
	return NULL;
}

const struct sfv_value *
sfv_parameter(const struct sfv_parameters *parameters, const char *key)
{
	for (size_t i = 0; i < parameters->count; i++)
		if (slice_is(parameters->items[i].key, key))
			return &parameters->items[i].value;
	return NULL;
}

/* --- serialising ------------------------------------------------------------------------------------- */

void
sfv_write_string(struct buf *out, struct slice text)
{
	buf_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			buf_byte(out, '\\');
		buf_byte(out, text.ptr[i]);
	}
	buf_byte(out, '"');
}

static void
write_decimal(struct buf *out, int64_t thousandths)
{
	int64_t size = thousandths < 0 ? -thousandths : thousandths;
	int fraction = (int)(size % 1000), digits = FRACTION_DIGITS_MAX;
	while (digits > 1 && fraction % 10 == 0) {
		fraction /= 10;
		digits--;
	}
	buf_printf(out, "%s%" PRId64 ".%0*d", thousandths < 0 ? "-" : "", size / 1000, digits, fraction);
}

static void
write_value(struct buf *out, const struct sfv_value *value)
{
	switch (value->type) {
	case SFV_INTEGER: buf_printf(out, "%" PRId64, value->number); return;
	case SFV_DECIMAL: write_decimal(out, value->number); return;
	case SFV_STRING: sfv_write_string(out, value->text); return;
	case SFV_TOKEN: buf_append(out, value->text); return;
	case SFV_BYTES:
		buf_byte(out, ':');
		base64_append(out, value->text);
		buf_byte(out, ':');
		return;
	case SFV_BOOLEAN: buf_text(out, value->number ? "?1" : "?0"); return;
	}
	UNREACHABLE();
}

static void
write_parameters(struct buf *out, const struct sfv_parameters *parameters)
{
	for (size_t i = 0; i < parameters->count; i++) {
		const struct sfv_parameter *item = &parameters->items[i];
		buf_byte(out, ';');
		buf_append(out, item->key);
		if (item->value.type == SFV_BOOLEAN && item->value.number)
			continue;
		buf_byte(out, '=');
		write_value(out, &item->value);
	}
}

void
sfv_write_list(struct buf *out, const struct sfv_member *list)
{
	buf_byte(out, '(');
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			buf_byte(out, ' ');
		write_value(out, &list->items[i].value);
		write_parameters(out, &list->items[i].parameters);
	}
	buf_byte(out, ')');
	write_parameters(out, &list->parameters);
}
