/* Coinbase Developer Platform: "Verify Signatures". The header X-Hook0-Signature is a list of name=value with commas:
 *   t   Unix seconds
 *   v0  hex of HMAC-SHA256 over "t.body"
 *   h   names of request headers, with spaces between
 *   v1  the same over "t.h.values.body", the values of those headers in order with dots between
 * Where v1 is there, it decides: the weaker of two must not do because somebody dropped the other.
 *
 * The id is the SHA-256 of the body, although v1 covers x-event-id: the v0 beside it does not, so a captured request
 * without its v1 would be another event. The documents have the same body on every attempt.
 *
 * The dots do not delimit, so a value could take the beginning of the body with it; what is left is no JSON then, or
 * another body, and so another id that nobody signed. Hence a covered value with a brace or a bracket is refused. */
#include "sign/vendor.h"

#include "base/encode.h"
#include "base/limits.h"

enum { HOOK0_TEXT_MAX = 4096, HOOK0_PARTS_MAX = 16, HOOK0_TIME_DIGITS_MAX = 12 };

static bool
read_code(struct arena *arena, struct slice text, struct slice *out)
{
	*out = text.len == HEX_SHA256_CHARACTERS ? hex_decode(arena, text) : SLICE_NONE;
	return slice_present(*out);
}

/* Names with spaces between; no dot, which would end the list for the signature. */
static bool
names_plain(struct slice names)
{
	for (size_t i = 0; i < names.len; i++) {
		char c = names.ptr[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			     c == '_' || c == ' ';
		if (!plain)
			return false;
	}
	return true;
}

/* Sets a value that must come once. */
static bool
take_once(struct slice value, struct slice *out)
{
	bool first = !slice_present(*out);
	*out = value;
	return first && value.len > 0;
}

bool
hook0_read(struct arena *arena, struct slice text, struct hook0 *out)
{
	struct slice time = SLICE_NONE, covered = SLICE_NONE, body_code = SLICE_NONE, headers_code = SLICE_NONE;
	*out = (struct hook0){0};
	if (text.len > HOOK0_TEXT_MAX)
		return false;
	size_t parts = 0;
	for (struct slice rest = text; slice_present(rest); parts++) {
		struct slice value = slice_trim(slice_cut(&rest, ','));
		struct slice name = slice_cut(&value, '=');
		bool good = parts < HOOK0_PARTS_MAX && slice_present(value);
		if (slice_is(name, "t"))
			good = good && take_once(value, &time);
		else if (slice_is(name, "h"))
			good = good && take_once(value, &covered);
		else if (slice_is(name, "v0"))
			good = good && take_once(value, &body_code);
		else if (slice_is(name, "v1"))
			good = good && take_once(value, &headers_code);
		if (!good)
			return false;
	}
	out->time = time;
	out->covered = covered;
	if (time.len > HOOK0_TIME_DIGITS_MAX || !slice_to_int64(time, &out->seconds))
		return false;
	if (slice_present(body_code) && !read_code(arena, body_code, &out->body_code))
		return false;
	if (slice_present(headers_code) &&
	    (!slice_present(covered) || !names_plain(covered) || !read_code(arena, headers_code, &out->headers_code)))
		return false;
	return slice_present(body_code) || slice_present(headers_code);
}

static bool
value_plain(struct slice value)
{
	return value.len > 0 && memchr(value.ptr, '{', value.len) == NULL && memchr(value.ptr, '[', value.len) == NULL;
}

/* The values of the covered headers, each of which must be in the request once, with a dot behind each. */
static bool
covered_values(const struct verify_input *input, struct slice covered, struct buf *out, struct verify_result *result)
{
	size_t names = 0;
	for (struct slice rest = covered; slice_present(rest); names++) {
		struct slice name = slice_cut(&rest, ' '), value = SLICE_NONE;
		size_t count = 0;
		for (size_t i = 0; names < HOOK0_COVERED_MAX && i < input->headers.count; i++) {
			if (!slice_equal_nocase(input->headers.items[i].name, name))
				continue;
			value = slice_trim(input->headers.items[i].value);
			count++;
		}
		if (count != 1 || !value_plain(value)) {
			verdict_set(result, VERDICT_MALFORMED,
			    "expected each header that X-Hook0-Signature lists once, plain, and at most %d of them",
			    HOOK0_COVERED_MAX);
			return false;
		}
		buf_append(out, value);
		buf_byte(out, '.');
	}
	return true;
}

/* "t." or "t.h.values." */
static bool
signed_prefix(
    const struct verify_input *input, const struct hook0 *hook0, struct buf *out, struct verify_result *result)
{
	buf_append(out, hook0->time);
	buf_byte(out, '.');
	if (!slice_present(hook0->headers_code))
		return true;
	buf_append(out, hook0->covered);
	buf_byte(out, '.');
	return covered_values(input, hook0->covered, out, result);
}

static void
coinbase_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	static const char name[] = "X-Hook0-Signature";
	struct slice text;
	struct hook0 hook0;
	if (!vendor_header(input, name, &text, result))
		return;
	if (!hook0_read(arena, text, &hook0)) {
		verdict_set(result, VERDICT_MALFORMED, "%s must be of the form t=TIME,v0=HEX,h=NAMES,v1=HEX", name);
		return;
	}
	struct buf prefix;
	buf_init(&prefix, (size_t)8 * LIMIT_HEADER_BYTES);
	bool good = signed_prefix(input, &hook0, &prefix, result);
	if (good && prefix.overflow) {
		verdict_set(result, VERDICT_MALFORMED, "the headers that %s lists are too long", name);
		good = false;
	}
	struct vendor_claim claim = {
	    .key_types = 1u << KEY_HMAC,
	    .signed_parts = {buf_slice(&prefix), input->body},
	    .part_count = 2,
	    .signature = slice_present(hook0.headers_code) ? hook0.headers_code : hook0.body_code,
	};
	if (good && !vendor_fits(keys, key_count, &claim, result)) {
		vendor_set_wrong(result, name, "its time, its headers and the body", key_count);
		good = false;
	}
	buf_free(&prefix);
	if (good && vendor_time_check("its time", hook0.seconds, input, result))
		vendor_accept_body(input, NULL, arena, result);
}

const struct scheme scheme_coinbase = {.name = "coinbase", .key_types = 1u << KEY_HMAC, .verify = coinbase_verify};
