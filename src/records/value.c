#include "records/value.h"

#include <stdio.h>

enum { EXPONENT_MAX = 1000, UNITS_DIGITS_MAX = 2000 };

struct json
value_at(struct json root, const struct mapping_path *path)
{
	struct json at = root;
	for (size_t i = 0; i < path->count && json_present(at); i++) {
		if (path->steps[i].name != NULL) {
			at = at.type == JSON_OBJECT ? json_member(at, path->steps[i].name) : JSON_ABSENT;
			continue;
		}
		if (at.type != JSON_ARRAY)
			return JSON_ABSENT;
		struct json_iterator items = json_iterate(at);
		struct json key, item = JSON_ABSENT;
		size_t index = 0;
		while (json_next(&items, &key, &item) && index < path->steps[i].index)
			index++;
		at = index == path->steps[i].index ? item : JSON_ABSENT;
	}
	return at;
}

struct slice
value_text(struct json value, struct arena *arena)
{
	if (!json_present(value))
		return SLICE_NONE;
	switch (value.type) {
	case JSON_STRING: return json_text(arena, value);
	case JSON_NUMBER:
	case JSON_TRUE:
	case JSON_FALSE: return value.raw;
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT: break;
	}
	return SLICE_NONE;
}

/* --- decimals --------------------------------------------------------------------------------------- */

struct decimal {
	bool negative;
	struct slice whole, fraction;
	int64_t exponent;
};

static bool
all_digits(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	return true;
}

static bool
split(struct slice text, struct decimal *out)
{
	*out = (struct decimal){.negative = text.len > 0 && text.ptr[0] == '-'};
	if (out->negative || (text.len > 0 && text.ptr[0] == '+'))
		text = slice_skip(text, 1);
	size_t e = 0;
	while (e < text.len && text.ptr[e] != 'e' && text.ptr[e] != 'E')
		e++;
	if (e < text.len) {
		struct slice exponent = slice_skip(text, e + 1);
		bool below = exponent.len > 0 && exponent.ptr[0] == '-';
		if (below || (exponent.len > 0 && exponent.ptr[0] == '+'))
			exponent = slice_skip(exponent, 1);
		if (!slice_to_int64(exponent, &out->exponent) || out->exponent > EXPONENT_MAX)
			return false;
		out->exponent = below ? -out->exponent : out->exponent;
	}
	struct slice rest = {text.ptr, e};
	out->whole = slice_cut(&rest, '.');
	out->fraction = slice_present(rest) ? rest : SLICE("");
	return out->whole.len + out->fraction.len > 0 && out->whole.len + out->fraction.len <= UNITS_DIGITS_MAX &&
	       all_digits(out->whole) && all_digits(out->fraction);
}

bool
value_units(struct slice decimal, int decimals, struct arena *arena, struct slice *out)
{
	struct decimal parts;
	if (!split(decimal, &parts))
		return false;
	/* The digits of the number without its point, which then moves by `shift` to the right. */
	size_t digits = parts.whole.len + parts.fraction.len;
	int64_t shift = parts.exponent + decimals - (int64_t)parts.fraction.len;
	char *text = arena_alloc(arena, digits + (shift > 0 ? (size_t)shift : 0) + 2);
	size_t length = 0;
	if (parts.negative)
		text[length++] = '-';
	if (parts.whole.len > 0)
		memcpy(text + length, parts.whole.ptr, parts.whole.len);
	length += parts.whole.len;
	if (parts.fraction.len > 0)
		memcpy(text + length, parts.fraction.ptr, parts.fraction.len);
	length += parts.fraction.len;
	for (; shift > 0; shift--)
		text[length++] = '0';
	/* What lies behind the point must be nothing. */
	for (; shift < 0 && length > (size_t)parts.negative; shift++)
		if (text[--length] != '0')
			return false;
	if (length == (size_t)parts.negative)
		text[length++] = '0';
	*out = (struct slice){text, length};
	return true;
}

/* --- members ---------------------------------------------------------------------------------------- */

static enum error_code
unfit(const struct mapping_member *member, const char *expected, struct error *error)
{
	return error_set(error, ERR_INVALID, "%.*s (%.*s): expected %s", SLICE_ARG(member->name),
	    SLICE_ARG(member->path.text), expected);
}

static enum error_code
to_units(const struct mapping_member *member, struct json item, struct slice *value, struct arena *arena,
    struct error *error)
{
	int64_t decimals = member->decimals;
	if (decimals < 0 &&
	    (!slice_to_int64(value_text(value_at(item, &member->decimals_path), arena), &decimals) || decimals > 255))
		return unfit(member, "a number from 0 to 255 at its decimals_path", error);
	if (!value_units(*value, (int)decimals, arena, value))
		return unfit(member, "a decimal number with no more decimals than the asset has", error);
	return OK;
}

static enum error_code
to_time(const struct mapping_member *member, struct slice *value, struct arena *arena, struct error *error)
{
	int64_t number;
	struct slice whole = *value;
	/* A fraction of a millisecond is nobody's tolerance. */
	whole = slice_cut(&whole, '.');
	int64_t unit = member->unit == UNIT_SECONDS ? 1000000 : 1000;
	struct wall_time time;
	if (!slice_to_int64(whole, &number) || __builtin_mul_overflow(number, unit, &time.us) ||
	    time.us > INT64_C(253402300799) * 1000000)
		return unfit(member, "a time in seconds or milliseconds since 1970, as `time` says", error);
	char text[TIME_TEXT_BYTES];
	*value = arena_copy(arena, slice_of(time_format(time, 6, text)));
	return OK;
}

static enum error_code
to_word(const struct mapping_member *member, struct slice *value, struct error *error)
{
	for (size_t i = 0; i < member->word_count; i++) {
		if (slice_equal(member->words[i].from, *value)) {
			*value = member->words[i].to;
			return OK;
		}
	}
	if (!slice_present(member->otherwise))
		return unfit(member, "one of the words of `values`; add the new one, or otherwise", error);
	*value = member->otherwise;
	return OK;
}

static enum error_code
one_value(
    const struct mapping_member *member, struct json item, struct arena *arena, struct slice *out, struct error *error)
{
	if (slice_present(member->constant)) {
		*out = member->constant;
		return OK;
	}
	struct json found = value_at(item, &member->path);
	*out = value_text(found, arena);
	if (!slice_present(*out) && json_present(found) && found.type != JSON_NULL && member->member != MEMBER_OTHER)
		return unfit(member, "a string, a number or null", error);
	if (out->len == 0) {
		*out = member->missing;
		return OK;
	}
	if (member->unit == UNIT_DECIMAL && !(member->member == MEMBER_BALANCE && slice_is(*out, "NaN")))
		return to_units(member, item, out, arena, error);
	if (member->unit == UNIT_SECONDS || member->unit == UNIT_MILLISECONDS)
		return to_time(member, out, arena, error);
	return member->words == NULL ? OK : to_word(member, out, error);
}

enum error_code
value_record(const struct mapping_list *list, struct json item, struct arena *arena, struct record_draft *draft,
    struct error *error)
{
	for (size_t i = 0; i < list->member_count; i++) {
		const struct mapping_member *member = &list->members[i];
		struct slice value;
		enum error_code code = one_value(member, item, arena, &value, error);
		if (code != OK)
			return code;
		if (member->member != MEMBER_OTHER)
			draft->values[member->member] = value;
		else if (slice_present(value))
			record_draft_extra_text(draft, member->name, value);
		else if (json_present(value_at(item, &member->path)))
			record_draft_extra(draft, member->name, value_at(item, &member->path).raw);
	}
	return OK;
}

struct slice
value_fill(struct slice text, const char *name, struct slice value, bool in_json, struct arena *arena)
{
	struct slice mark = arena_printf(arena, "${%s}", name);
	struct buf out;
	buf_init(&out, (size_t)1 << 20);
	struct slice escaped = value;
	if (in_json) {
		struct buf string;
		struct json_writer writer;
		buf_init(&string, (size_t)1 << 16);
		json_writer_init(&writer, &string);
		json_open(&writer, '[');
		json_string(&writer, value);
		/* Without the bracket and the quotes. */
		escaped = arena_copy(arena, (struct slice){string.data + 2, string.len - 3});
		buf_free(&string);
	}
	for (size_t at = 0; at < text.len;) {
		struct slice rest = slice_skip(text, at);
		if (slice_starts(rest, mark)) {
			buf_append(&out, escaped);
			at += mark.len;
		} else {
			buf_byte(&out, text.ptr[at++]);
		}
	}
	struct slice filled = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return filled;
}
