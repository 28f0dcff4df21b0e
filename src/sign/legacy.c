/* The first generation's signature: X-Sha2-Signature is the lower-case hex of HMAC-SHA256(secret, body). It covers
 * neither a time nor a header, so there is nothing to be stale, and the event's id is `messageId` in the body. */
#include "sign/scheme.h"

#include "base/encode.h"
#include "base/limits.h"

static enum error_code
legacy_sign(struct key *const *keys, size_t key_count, const struct sign_input *input, struct arena *arena,
    struct http_headers *headers, struct error *error)
{
	(void)key_count;
	(void)error;
	struct signature signature;
	key_sign(keys[0], &input->body, 1, &signature);
	size_t room = 2 * signature.length;
	struct buf text = buf_over(arena_alloc(arena, room), room);
	hex_append(&text, bytes_of(signature.bytes, signature.length));
	header_add(headers, "x-sha2-signature", buf_slice(&text));
	return OK;
}

/* The body's messageId; absent when the body has none. */
static struct slice
message_id_of(struct slice body, struct arena *arena)
{
	struct json object;
	if (json_parse(body, LIMIT_JSON_DEPTH, &object, NULL) != OK)
		return SLICE_NONE;
	struct json id = json_member(object, "messageId");
	if (!json_present(id) || id.type != JSON_STRING)
		return SLICE_NONE;
	struct slice text = json_text(arena, id);
	return event_id_valid(text) ? text : SLICE_NONE;
}

static void
legacy_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	size_t count;
	struct slice text = header_find(&input->headers, "x-sha2-signature", &count);
	if (count == 0) {
		verdict_set(result, VERDICT_MISSING, "expected the header X-Sha2-Signature");
		return;
	}
	struct slice signature = text.len == 2 * SHA256_BYTES ? hex_decode(arena, text) : SLICE_NONE;
	if (count > 1 || !slice_present(signature)) {
		verdict_set(result, VERDICT_MALFORMED, "X-Sha2-Signature must be 64 hexadecimal digits, once");
		return;
	}
	bool fits = false;
	for (size_t i = key_count; i-- > 0;) {
		if (keys[i]->type == KEY_HMAC && key_verify(keys[i], &input->body, 1, signature)) {
			fits = true;
			result->key_index = i;
		}
	}
	if (!fits) {
		verdict_set(result, VERDICT_WRONG,
		    "X-Sha2-Signature does not fit: expected HMAC-SHA256 of the body by one of %zu "
		    "keys",
		    key_count);
		return;
	}
	struct slice id = message_id_of(input->body, arena);
	if (!slice_present(id)) {
		verdict_set(result, VERDICT_NO_ID,
		    "the signature fits, but the body has no messageId of 1 to 256 visible ASCII "
		    "characters");
		return;
	}
	verdict_set(result, VERDICT_VERIFIED, "verified");
	result->event_id = id;
}

const struct scheme scheme_legacy = {
    .name = "legacy",
    .key_types = 1u << KEY_HMAC,
    .signs_id = false,
    .sign = legacy_sign,
    .verify = legacy_verify,
};
