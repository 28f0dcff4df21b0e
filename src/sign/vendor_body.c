/* The schemes whose signature is one header over the body, or over the body and a little beside it. Each says where
 * its facts come from; what the sources leave open is in docs/schemes.md. */
#include "sign/vendor.h"

#include "base/encode.h"

/* Reads the signature header `name` and sees whether a key of `types` signed the body. */
static bool
body_signed(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    const char *name, enum vendor_encoding encoding, struct vendor_claim claim, struct verify_result *result)
{
	struct slice text;
	if (!vendor_header(input, name, &text, result) ||
	    !vendor_signature(arena, name, text, encoding, &claim.signature, result))
		return false;
	claim.signed_parts[0] = input->body;
	claim.part_count = 1;
	if (vendor_fits(keys, key_count, &claim, result))
		return true;
	vendor_set_wrong(result, name, "the body", key_count);
	return false;
}

/* --- BitGo ------------------------------------------------------------------------------------------ */

/* BitGo, "Webhooks Overview", "Crypto as a Service webhooks" and "Verify Webhook Notification": HMAC-SHA256 of the raw
 * body with the webhook secret, 64 hex digits. Its idempotency-key header is not signed and no member of the body is
 * said to name the notification, so the id is the SHA-256 of the body. */
static void
bitgo_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	struct vendor_claim claim = {.key_types = 1u << KEY_HMAC};
	if (body_signed(keys, key_count, input, arena, "X-Signature-SHA256", ENCODING_HEX, claim, result))
		vendor_accept_body(input, NULL, arena, result);
}

const struct scheme scheme_bitgo = {.name = "bitgo", .key_types = 1u << KEY_HMAC, .verify = bitgo_verify};

/* --- Dfns ------------------------------------------------------------------------------------------- */

/* Signed, because it is in the body. Dfns makes it a required member; where it is missing there is no time to check,
 * and nobody but the sender can have left it out. */
static bool
dfns_fresh(struct json object, const struct verify_input *input, struct verify_result *result)
{
	struct json sent = json_member(object, "timestampSent");
	int64_t seconds;
	if (!json_present(sent))
		return true;
	if (sent.type != JSON_NUMBER || !vendor_time_read(sent.raw, &seconds)) {
		verdict_set(result, VERDICT_MALFORMED, "timestampSent must be a Unix time in whole seconds");
		return false;
	}
	return vendor_time_check("timestampSent", seconds, input, result);
}

/* Dfns, "Webhooks" and the reference "Webhook event retry": HMAC-SHA256 of the event as sent, with the prefix sha256=;
 * timestampSent is to be within 5 minutes. Every attempt is an event of its own with the same data, and retryOf names
 * the original one, so the original's id is the event's. `kind` and `data` are what stays the same. */
static void
dfns_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	static const char name[] = "X-DFNS-WEBHOOK-SIGNATURE";
	static const struct slice prefix = {"sha256=", 7};
	struct vendor_claim claim = {
	    .key_types = 1u << KEY_HMAC, .signed_parts = {input->body}, .part_count = 1, .signature = SLICE_NONE};
	struct slice text;
	if (!vendor_header(input, name, &text, result))
		return;
	if (!slice_starts(text, prefix)) {
		verdict_set(result, VERDICT_MALFORMED, "%s must begin with sha256=", name);
		return;
	}
	if (!vendor_signature(arena, name, slice_skip(text, prefix.len), ENCODING_HEX, &claim.signature, result))
		return;
	if (!vendor_fits(keys, key_count, &claim, result)) {
		vendor_set_wrong(result, name, "the body", key_count);
		return;
	}
	struct json object = vendor_object(input->body);
	if (!json_present(object)) {
		vendor_accept_body(input, NULL, arena, result);
		return;
	}
	if (!dfns_fresh(object, input, result))
		return;
	struct json root = json_member(object, "retryOf");
	bool retried = json_present(root) && root.type != JSON_NULL;
	vendor_accept_body(input, retried ? "retryOf" : "id", arena, result);
	struct json kind = json_member(object, "kind"), data = json_member(object, "data");
	if (result->verdict == VERDICT_VERIFIED && json_present(kind) && json_present(data))
		result->content = arena_printf(arena, "%.*s\n%.*s", SLICE_ARG(kind.raw), SLICE_ARG(data.raw));
}

const struct scheme scheme_dfns = {.name = "dfns", .key_types = 1u << KEY_HMAC, .verify = dfns_verify};

/* --- Fordefi ---------------------------------------------------------------------------------------- */

/* Fordefi, "Use Webhooks" and its api-examples: ECDSA over P-256 with SHA-256 of the raw body, DER in base64. Its
 * example event has event_id beside attempt and sent_at, which differ from attempt to attempt, and the event itself. */
static void
fordefi_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	struct vendor_claim claim = {.key_types = 1u << KEY_ECDSA_P256};
	if (!body_signed(keys, key_count, input, arena, "X-Signature", ENCODING_BASE64, claim, result))
		return;
	vendor_accept_body(input, "event_id", arena, result);
	struct json object = vendor_object(input->body);
	struct json event = json_present(object) ? json_member(object, "event") : JSON_ABSENT;
	if (result->verdict == VERDICT_VERIFIED && json_present(event))
		result->content = event.raw;
}

const struct scheme scheme_fordefi = {.name = "fordefi", .key_types = 1u << KEY_ECDSA_P256, .verify = fordefi_verify};

/* --- Copper ----------------------------------------------------------------------------------------- */

/* Copper, "Webhooks: Introduction" and "Validate signature": over X-Timestamp (Unix milliseconds), the body's eventId
 * and the body, with nothing between; HMAC-SHA256 with the API secret or ECDSA with SHA-256, in hex. The curve and the
 * form of an ECDSA signature are not said: P-256 and DER are taken. Nothing between is no ambiguity here, because the id
 * in the signed bytes has to be the one within the body behind it. */
static void
copper_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	static const char name[] = "X-Signature";
	struct vendor_claim claim = {.key_types = 1u << KEY_HMAC | 1u << KEY_ECDSA_P256};
	struct slice text, time;
	int64_t seconds;
	if (!vendor_header(input, name, &text, result) || !vendor_header(input, "X-Timestamp", &time, result) ||
	    !vendor_signature(arena, name, text, ENCODING_HEX, &claim.signature, result))
		return;
	if (!vendor_time_read(time, &seconds)) {
		verdict_set(result, VERDICT_MALFORMED, "X-Timestamp must be a Unix time in milliseconds");
		return;
	}
	struct json object = vendor_object(input->body);
	struct slice id = json_present(object) ? vendor_member_id(object, "eventId", arena) : SLICE_NONE;
	if (!slice_present(id)) {
		verdict_set(result, VERDICT_MALFORMED, "the body must be JSON with the eventId that is signed with it");
		return;
	}
	claim.signed_parts[0] = time;
	claim.signed_parts[1] = id;
	claim.signed_parts[2] = input->body;
	claim.part_count = 3;
	if (!vendor_fits(keys, key_count, &claim, result))
		vendor_set_wrong(result, name, "X-Timestamp, eventId and the body", key_count);
	else if (vendor_time_check("X-Timestamp", seconds, input, result))
		vendor_accept(result, id);
}

const struct scheme scheme_copper = {
    .name = "copper", .key_types = 1u << KEY_HMAC | 1u << KEY_ECDSA_P256, .verify = copper_verify};

/* --- Cobo ------------------------------------------------------------------------------------------- */

/* Cobo spells its headers with a hyphen in one place and with an underscore in another, and may send both; then they
 * must agree. */
static bool
cobo_header(const struct verify_input *input, const char *name, const char *twin, struct slice *out,
    struct verify_result *result)
{
	size_t names, twins;
	struct slice first = header_find(&input->headers, name, &names);
	struct slice second = header_find(&input->headers, twin, &twins);
	*out = names > 0 ? first : second;
	if (names == 0 && twins == 0)
		verdict_set(result, VERDICT_MISSING, "expected the header %s", name);
	else if (names > 1 || twins > 1 || (names == 1 && twins == 1 && !slice_equal(first, second)))
		verdict_set(result, VERDICT_MALFORMED, "expected the header %s once", name);
	else
		return true;
	return false;
}

/* Cobo, "Set up a callback or webhook endpoint" and the WebhookEvent of its SDK: Ed25519 over SHA-256, applied twice, of
 * the body, a vertical bar and the timestamp (Unix milliseconds); signature and key in hex. The id is event_id; a
 * callback message has none. */
static void
cobo_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	static const char name[] = "Biz-Resp-Signature", time_name[] = "Biz-Timestamp";
	struct vendor_claim claim = {.key_types = 1u << KEY_ED25519, .part_count = 1};
	struct slice text, time;
	int64_t seconds;
	if (!cobo_header(input, name, "BIZ_RESP_SIGNATURE", &text, result) ||
	    !cobo_header(input, time_name, "BIZ_TIMESTAMP", &time, result) ||
	    !vendor_signature(arena, name, text, ENCODING_HEX, &claim.signature, result))
		return;
	if (!vendor_time_read(time, &seconds)) {
		verdict_set(result, VERDICT_MALFORMED, "%s must be a Unix time in milliseconds", time_name);
		return;
	}
	size_t room = input->body.len + 1 + time.len;
	struct buf message = buf_over(arena_alloc(arena, room), room);
	buf_append(&message, input->body);
	buf_byte(&message, '|');
	buf_append(&message, time);
	unsigned char once[SHA256_BYTES], twice[SHA256_BYTES];
	sha256(buf_slice(&message), once);
	sha256(bytes_of(once, sizeof once), twice);
	claim.signed_parts[0] = bytes_of(twice, sizeof twice);
	if (!vendor_fits(keys, key_count, &claim, result))
		vendor_set_wrong(result, name, "the hash of the body and Biz-Timestamp", key_count);
	else if (vendor_time_check(time_name, seconds, input, result))
		vendor_accept_body(input, "event_id", arena, result);
}

const struct scheme scheme_cobo = {.name = "cobo", .key_types = 1u << KEY_ED25519, .verify = cobo_verify};

/* --- Ripple ----------------------------------------------------------------------------------------- */

/* Ripple Custody (Wallet), "Receive webhook deliveries", "Webhook event reference" and "Manage webhooks": ECDSA over
 * P-256 with SHA-256 of the envelope's base64 `payload`, DER in base64, in the header Signature. The envelope's domain
 * and timestamp are not signed, and there is no event id: the documents name the id and updatedAt inside the payload.
 * So the id is the SHA-256 of the signed payload; of the whole body it would let a captured request pass as another
 * event, with a changed envelope. */
static void
ripple_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	static const char name[] = "Signature";
	struct vendor_claim claim = {.key_types = 1u << KEY_ECDSA_P256, .part_count = 1};
	struct slice text;
	if (!vendor_header(input, name, &text, result) ||
	    !vendor_signature(arena, name, text, ENCODING_BASE64, &claim.signature, result))
		return;
	struct json object = vendor_object(input->body);
	struct json payload = json_present(object) ? json_member(object, "payload") : JSON_ABSENT;
	if (!json_present(payload) || payload.type != JSON_STRING || json_has_duplicates(object)) {
		verdict_set(result, VERDICT_MALFORMED, "the body must be JSON with the one payload that is signed");
		return;
	}
	struct slice content = json_text(arena, payload);
	claim.signed_parts[0] = content;
	if (!vendor_fits(keys, key_count, &claim, result)) {
		vendor_set_wrong(result, name, "the base64 of the payload", key_count);
		return;
	}
	vendor_accept(result, vendor_sha256_hex(arena, content));
	result->content = content;
}

const struct scheme scheme_ripple = {.name = "ripple", .key_types = 1u << KEY_ECDSA_P256, .verify = ripple_verify};

/* --- Circle ----------------------------------------------------------------------------------------- */

/* Circle, "How-to: Verify webhook signatures" and "Webhooks": ECDSA_SHA_256 of the body, DER in base64, by the public key
 * that X-Circle-Key-Id names; notificationId is the same on every retry. Its v1 notifications are signed otherwise and
 * not taken. */
static void
circle_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	struct vendor_claim claim = {.key_types = 1u << KEY_ECDSA_P256};
	if (!vendor_header(input, "X-Circle-Key-Id", &claim.kid, result))
		return;
	if (body_signed(keys, key_count, input, arena, "X-Circle-Signature", ENCODING_BASE64, claim, result))
		vendor_accept_body(input, "notificationId", arena, result);
}

const struct scheme scheme_circle = {
    .name = "circle", .key_types = 1u << KEY_ECDSA_P256, .names_keys = true, .verify = circle_verify};
