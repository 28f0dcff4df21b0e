/* The steps that the schemes of other platforms have in common; vendor.h says in which order they are taken. */
#include "sign/vendor.h"

#include "base/encode.h"
#include "base/limits.h"

enum { SIGNATURE_TEXT_MAX = 1024 }; /* RSA of 4096 bits in hex */

/* Below, a time is in seconds. */
static const int64_t milliseconds_from = 100000000000;

_Static_assert(SIGNATURE_TEXT_MAX >= RSA_BITS_MAX / 4, "a signature of the longest key must fit");

bool
vendor_header(const struct verify_input *input, const char *name, struct slice *out, struct verify_result *result)
{
	size_t count;
	*out = header_find(&input->headers, name, &count);
	if (count == 0)
		verdict_set(result, VERDICT_MISSING, "expected the header %s", name);
	else if (count > 1 || out->len == 0)
		verdict_set(result, VERDICT_MALFORMED, "expected the header %s once and not empty", name);
	return count == 1 && out->len > 0;
}

bool
vendor_signature(struct arena *arena, const char *header, struct slice text, enum vendor_encoding encoding,
    struct slice *out, struct verify_result *result)
{
	*out = SLICE_NONE;
	if (text.len > 0 && text.len <= SIGNATURE_TEXT_MAX)
		*out = encoding == ENCODING_HEX ? hex_decode(arena, text) : base64_decode(arena, text, false);
	if (out->len > 0)
		return true;
	verdict_set(result, VERDICT_MALFORMED, "%s must hold a signature in %s", header,
	    encoding == ENCODING_HEX ? "hexadecimal" : "base64");
	return false;
}

struct slice
vendor_sha256_hex(struct arena *arena, struct slice bytes)
{
	unsigned char hash[SHA256_BYTES];
	sha256(bytes, hash);
	struct buf text = buf_over(arena_alloc(arena, HEX_SHA256_CHARACTERS), HEX_SHA256_CHARACTERS);
	hex_append(&text, bytes_of(hash, sizeof hash));
	return buf_slice(&text);
}

static bool
is_tried(const struct key *key, const struct vendor_claim *claim)
{
	if ((claim->key_types & 1u << key->type) == 0 || (claim->unnamed && key->kid_given))
		return false;
	return !slice_present(claim->kid) || (key->kid_given && slice_equal(claim->kid, key_id(key)));
}

bool
vendor_fits(struct key *const *keys, size_t key_count, const struct vendor_claim *claim, struct verify_result *result)
{
	bool fits = false, tried = false;
	for (size_t i = key_count; i-- > 0;) {
		if (!is_tried(keys[i], claim))
			continue;
		tried = true;
		if (key_verify_vendor(keys[i], claim->signed_parts, claim->part_count, claim->signature)) {
			fits = true;
			result->key_index = i;
		}
	}
	result->unknown_key = slice_present(claim->kid) && !tried;
	return fits;
}

void
vendor_set_wrong(struct verify_result *result, const char *header, const char *what, size_t key_count)
{
	verdict_set(result, VERDICT_WRONG, "%s does not fit: expected a signature over %s by one of %zu keys", header,
	    what, key_count);
}

bool
vendor_time_read(struct slice digits, int64_t *seconds)
{
	if (!slice_to_int64(digits, seconds))
		return false;
	if (*seconds >= milliseconds_from)
		*seconds /= 1000;
	return true;
}

bool
vendor_time_check(const char *name, int64_t seconds, const struct verify_input *input, struct verify_result *result)
{
	if (time_fresh(seconds, input->now))
		return true;
	verdict_set(result, VERDICT_STALE, "the signature fits, but %s is more than %d seconds from now", name,
	    LIMIT_TIMESTAMP_SKEW_S);
	return false;
}

struct json
vendor_object(struct slice body)
{
	struct json object;
	if (json_parse(body, LIMIT_JSON_DEPTH, &object, NULL) != OK || object.type != JSON_OBJECT)
		return JSON_ABSENT;
	return object;
}

/* The member that the path leads to; JSON_ABSENT without one. null counts as absent. */
static struct json
member_at(struct json object, const char *path, struct arena *arena)
{
	struct slice rest = slice_of(path);
	struct json value = object;
	while (slice_present(rest)) {
		struct slice name = slice_cut(&rest, '.');
		if (!json_present(value) || value.type != JSON_OBJECT)
			return JSON_ABSENT;
		value = json_member(value, arena_string(arena, name));
	}
	return value.type == JSON_NULL ? JSON_ABSENT : value;
}

static struct slice
id_of(struct json value, struct arena *arena)
{
	struct slice id = SLICE_NONE;
	int64_t number;
	if (!json_present(value))
		return id;
	if (value.type == JSON_STRING)
		id = json_text(arena, value);
	else if (value.type == JSON_NUMBER && json_int64(value, &number))
		id = value.raw;
	return event_id_valid(id) ? id : SLICE_NONE;
}

struct slice
vendor_member_id(struct json object, const char *path, struct arena *arena)
{
	return id_of(member_at(object, path, arena), arena);
}

void
vendor_accept_body(
    const struct verify_input *input, const char *path, struct arena *arena, struct verify_result *result)
{
	struct json document;
	if (json_parse(input->body, LIMIT_JSON_DEPTH, &document, NULL) != OK) {
		verdict_set(result, VERDICT_NO_ID, "the signature fits, but the body is not JSON");
		return;
	}
	struct json member = path == NULL ? JSON_ABSENT : member_at(document, path, arena);
	if (!json_present(member)) {
		vendor_accept(result, vendor_sha256_hex(arena, input->body));
		return;
	}
	struct slice id = id_of(member, arena);
	if (slice_present(id))
		vendor_accept(result, id);
	else
		verdict_set(result, VERDICT_NO_ID,
		    "the signature fits, but the body's %s is not of 1 to 256 visible ASCII characters", path);
}

void
vendor_accept(struct verify_result *result, struct slice id)
{
	verdict_set(result, VERDICT_VERIFIED, "verified");
	result->event_id = id;
}
