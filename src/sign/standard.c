/* Standard Webhooks 1.0 (https://www.standardwebhooks.com): `v1` is HMAC-SHA256 and `v1a` Ed25519, both over
 * "id.timestamp.body", in base64, several of them separated by spaces.
 *
 * The dots do not delimit: "a.1.2.b" signs id "a", time 1, body "2.b" as well as id "a.1", time 2, body "b". So an id
 * that ends in a dot and ten digits, the length of a Unix time, is refused; it could be a replay in another cut. */
#include "sign/scheme.h"

#include "base/encode.h"
#include "base/limits.h"

#include <inttypes.h>

enum { SIGNATURE_TEXT_MAX = 96, TIME_DIGITS = 10 };

static const char *const versions[KEY_TYPE_COUNT] = {[KEY_HMAC] = "v1", [KEY_ED25519] = "v1a"};

/* The signed bytes: in two parts, so that the body is not copied for HMAC; as one where Ed25519 takes part. */
struct signed_bytes {
	struct slice parts[2];
	size_t count;
};

static struct signed_bytes
signed_bytes_of(struct arena *arena, struct slice prefix, struct slice body, bool whole)
{
	if (!whole)
		return (struct signed_bytes){{prefix, body}, 2};
	char *bytes = arena_alloc(arena, prefix.len + body.len + 1);
	memcpy(bytes, prefix.ptr, prefix.len);
	if (body.len > 0)
		memcpy(bytes + prefix.len, body.ptr, body.len);
	return (struct signed_bytes){{{bytes, prefix.len + body.len}}, 1};
}

/* --- signing ---------------------------------------------------------------------------------------- */

static enum error_code
standard_sign(struct key *const *keys, size_t key_count, const struct sign_input *input, struct arena *arena,
    struct http_headers *headers, struct error *error)
{
	(void)error;
	struct slice time = arena_printf(arena, "%" PRId64, input->timestamp);
	struct slice prefix = arena_printf(arena, "%.*s.%.*s.", SLICE_ARG(input->id), SLICE_ARG(time));
	bool whole = any_key_of(keys, key_count, KEY_ED25519);
	struct signed_bytes content = signed_bytes_of(arena, prefix, input->body, whole);
	size_t room = key_count * SIGNATURE_TEXT_MAX;
	struct buf text = buf_over(arena_alloc(arena, room), room);
	for (size_t i = 0; i < key_count; i++) {
		struct signature signature;
		key_sign(keys[i], content.parts, content.count, &signature);
		if (i > 0)
			buf_byte(&text, ' ');
		buf_text(&text, versions[keys[i]->type]);
		buf_byte(&text, ',');
		base64_append(&text, bytes_of(signature.bytes, signature.length));
	}
	ENSURE(!text.overflow);
	header_add(headers, "webhook-id", input->id);
	header_add(headers, "webhook-timestamp", time);
	header_add(headers, "webhook-signature", buf_slice(&text));
	return OK;
}

/* --- verifying -------------------------------------------------------------------------------------- */

struct header_names {
	const char *id, *timestamp, *signature;
};

struct header_values {
	struct slice id, timestamp, signature;
	bool repeated;
};

static const struct header_names webhook_names = {"webhook-id", "webhook-timestamp", "webhook-signature"};
static const struct header_names svix_names = {"svix-id", "svix-timestamp", "svix-signature"};

static bool
find_headers(const struct http_headers *headers, const struct header_names *names, struct header_values *out)
{
	size_t ids, timestamps, signatures;
	out->id = header_find(headers, names->id, &ids);
	out->timestamp = header_find(headers, names->timestamp, &timestamps);
	out->signature = header_find(headers, names->signature, &signatures);
	out->repeated = ids > 1 || timestamps > 1 || signatures > 1;
	return ids > 0 && timestamps > 0 && signatures > 0;
}

static bool
ambiguous_id(struct slice id)
{
	if (id.len <= TIME_DIGITS || id.ptr[id.len - TIME_DIGITS - 1] != '.')
		return false;
	for (size_t i = id.len - TIME_DIGITS; i < id.len; i++)
		if (id.ptr[i] < '0' || id.ptr[i] > '9')
			return false;
	return true;
}

struct candidate {
	enum key_type type;
	struct slice bytes;
};

struct candidates {
	struct candidate items[LIMIT_SIGNATURES];
	size_t count;
	bool too_many;
};

/* The signatures of a known version whose base64 has the right length. Others are for other receivers, or cut off;
 * they are passed over, as the specification asks. */
static void
read_candidates(struct arena *arena, struct slice list, struct candidates *out)
{
	out->count = 0;
	out->too_many = false;
	for (size_t seen = 0; slice_present(list); seen++) {
		if (seen == LIMIT_SIGNATURES) {
			out->too_many = true;
			return;
		}
		struct slice signature = slice_cut(&list, ' ');
		struct slice version = slice_cut(&signature, ',');
		enum key_type type = KEY_HMAC;
		if (slice_is(version, versions[KEY_ED25519]))
			type = KEY_ED25519;
		else if (!slice_is(version, versions[KEY_HMAC]))
			continue;
		if (!slice_present(signature) || signature.len > SIGNATURE_TEXT_MAX)
			continue;
		struct slice bytes = base64_decode(arena, signature, false);
		if (bytes.len == (type == KEY_HMAC ? SHA256_BYTES : SIGNATURE_BYTES_MAX))
			out->items[out->count++] = (struct candidate){type, bytes};
	}
}

static bool
key_fits(const struct key *key, const struct signed_bytes *content, const struct candidates *candidates)
{
	if (key->type == KEY_HMAC) {
		/* One HMAC for all signatures of the list; every one is compared. */
		struct signature expected;
		key_sign(key, content->parts, content->count, &expected);
		bool fits = false;
		for (size_t i = 0; i < candidates->count; i++)
			fits |=
			    candidates->items[i].type == KEY_HMAC &&
			    constant_time_equal(bytes_of(expected.bytes, expected.length), candidates->items[i].bytes);
		return fits;
	}
	bool fits = false;
	for (size_t i = 0; i < candidates->count; i++)
		if (candidates->items[i].type == key->type)
			fits |= key_verify(key, content->parts, content->count, candidates->items[i].bytes);
	return fits;
}

/* Reads the three headers; false with the verdict set when they will not do. */
static bool
read_headers(const struct verify_input *input, struct header_values *values, struct verify_result *result)
{
	struct header_values first;
	bool found = find_headers(&input->headers, &webhook_names, &first);
	*values = first;
	if (!found && !find_headers(&input->headers, &svix_names, values)) {
		verdict_set(result, VERDICT_MISSING,
		    "expected the headers webhook-id, webhook-timestamp and webhook-signature");
		return false;
	}
	if (values->repeated) {
		verdict_set(result, VERDICT_MALFORMED, "expected each of the three signature headers once");
		return false;
	}
	if (!event_id_valid(values->id) || ambiguous_id(values->id)) {
		verdict_set(result, VERDICT_MALFORMED,
		    "webhook-id must be 1 to 256 visible ASCII characters that do not end in a dot and a Unix time");
		return false;
	}
	return true;
}

static void
standard_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	struct header_values values;
	if (!read_headers(input, &values, result))
		return;
	int64_t seconds;
	if (!slice_to_int64(values.timestamp, &seconds)) {
		verdict_set(result, VERDICT_MALFORMED, "webhook-timestamp must be a Unix time in whole seconds");
		return;
	}
	struct candidates candidates;
	read_candidates(arena, values.signature, &candidates);
	if (candidates.too_many || candidates.count == 0) {
		verdict_set(result, VERDICT_MALFORMED,
		    "webhook-signature must hold a v1 or v1a signature in base64, and at most %d signatures",
		    LIMIT_SIGNATURES);
		return;
	}
	struct slice prefix = arena_printf(arena, "%.*s.%.*s.", SLICE_ARG(values.id), SLICE_ARG(values.timestamp));
	bool whole = any_key_of(keys, key_count, KEY_ED25519);
	struct signed_bytes content = signed_bytes_of(arena, prefix, input->body, whole);
	bool fits = false;
	for (size_t i = key_count; i-- > 0;) {
		if (keys[i]->type != KEY_ECDSA_P256 && key_fits(keys[i], &content, &candidates)) {
			fits = true;
			result->key_index = i;
		}
	}
	if (!fits) {
		verdict_set(result, VERDICT_WRONG,
		    "no signature fits: expected one over id.timestamp.body by one of %zu keys", key_count);
	} else if (!time_fresh(seconds, input->now)) {
		verdict_set(result, VERDICT_STALE,
		    "the signature fits, but webhook-timestamp is more than %d seconds from now",
		    LIMIT_TIMESTAMP_SKEW_S);
	} else {
		verdict_set(result, VERDICT_VERIFIED, "verified");
		result->event_id = values.id;
	}
}

const struct scheme scheme_standard = {
    .name = "standard",
    .key_types = 1u << KEY_HMAC | 1u << KEY_ED25519,
    .signs_id = true,
    .sign = standard_sign,
    .verify = standard_verify,
};
