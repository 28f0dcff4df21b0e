/* Fireblocks. Its "Validating webhooks" describes two headers, sent beside each other while customers move:
 *   Fireblocks-Webhook-Signature  a detached JWS of RS512, whose kid names a key of the published JWK set
 *   Fireblocks-Signature          base64 of RSA (PKCS #1 v1.5) with SHA-512 of the body, by one fixed key
 * A key with an id belongs to the first and one without to the second, so that the operator says by the key file what
 * is taken. Both sign the body, whose `id` names a v2 notification; a v1 event has no id of its own.
 *
 * The documents do not list the members of the JWS header: alg and kid are required, crit and b64 refused, since what a
 * `crit` names would have to be understood (RFC 7515 section 4.1.11). */
#include "sign/vendor.h"

#include "base/encode.h"

enum { JWS_HEADER_TEXT_MAX = 4096, JWS_HEADER_DEPTH_MAX = 8, JWS_TEXT_MAX = 8192 };

static const char jws_name[] = "Fireblocks-Webhook-Signature", plain_name[] = "Fireblocks-Signature";

static bool
read_protected_header(struct arena *arena, struct slice text, struct slice *kid)
{
	struct slice bytes = base64url_decode(arena, text);
	struct json object;
	if (bytes.len == 0 || json_parse(bytes, JWS_HEADER_DEPTH_MAX, &object, NULL) != OK ||
	    object.type != JSON_OBJECT || json_has_duplicates(object))
		return false;
	struct json algorithm = json_member(object, "alg"), id = json_member(object, "kid");
	if (!json_present(algorithm) || algorithm.type != JSON_STRING || !json_text_is(algorithm, SLICE("RS512")) ||
	    !json_present(id) || id.type != JSON_STRING || json_present(json_member(object, "crit")) ||
	    json_present(json_member(object, "b64")))
		return false;
	*kid = json_text(arena, id);
	return kid->len <= KEY_ID_MAX && visible_ascii(*kid);
}

bool
jws_read_detached(struct arena *arena, struct slice text, struct jws *out)
{
	if (text.len > JWS_TEXT_MAX)
		return false;
	struct slice rest = text;
	out->header = slice_cut(&rest, '.');
	if (!slice_present(rest))
		return false;
	struct slice payload = slice_cut(&rest, '.');
	if (!slice_present(rest) || payload.len > 0 || out->header.len > JWS_HEADER_TEXT_MAX ||
	    !read_protected_header(arena, out->header, &out->kid))
		return false;
	out->signature = base64url_decode(arena, rest);
	return out->signature.len > 0;
}

static bool
jws_fits(struct key *const *keys, size_t key_count, const struct verify_input *input, const struct jws *jws,
    struct arena *arena, struct verify_result *result)
{
	size_t room = input->body.len * 4 / 3 + 4;
	struct buf payload = buf_over(arena_alloc(arena, room), room);
	base64url_append(&payload, input->body);
	ENSURE(!payload.overflow);
	struct vendor_claim claim = {
	    .key_types = 1u << KEY_RSA,
	    .kid = jws->kid,
	    .signed_parts = {jws->header, SLICE("."), buf_slice(&payload)},
	    .part_count = 3,
	    .signature = jws->signature,
	};
	return vendor_fits(keys, key_count, &claim, result);
}

static void
fireblocks_verify(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
    struct verify_result *result)
{
	size_t jws_count, plain_count;
	struct slice jws_text = header_find(&input->headers, jws_name, &jws_count);
	struct slice plain_text = header_find(&input->headers, plain_name, &plain_count);
	if (jws_count + plain_count == 0) {
		verdict_set(result, VERDICT_MISSING, "expected the header %s", jws_name);
		return;
	}
	/* Each that is there must be well-formed, also where the other one decides. */
	struct jws jws = {SLICE_NONE, SLICE_NONE, SLICE_NONE};
	if (jws_count > 1 || (jws_count == 1 && !jws_read_detached(arena, jws_text, &jws))) {
		verdict_set(result, VERDICT_MALFORMED, "%s must be one detached JWS of RS512 with a kid", jws_name);
		return;
	}
	struct vendor_claim plain = {
	    .key_types = 1u << KEY_RSA, .unnamed = true, .signed_parts = {input->body}, .part_count = 1};
	if (plain_count > 1) {
		verdict_set(result, VERDICT_MALFORMED, "expected the header %s once", plain_name);
		return;
	}
	if (plain_count == 1 &&
	    !vendor_signature(arena, plain_name, plain_text, ENCODING_BASE64, &plain.signature, result))
		return;
	bool fits = false;
	if (plain_count == 1)
		fits |= vendor_fits(keys, key_count, &plain, result);
	if (jws_count == 1)
		fits |= jws_fits(keys, key_count, input, &jws, arena, result);
	if (fits)
		vendor_accept_body(input, "id", arena, result);
	else
		vendor_set_wrong(result, jws_count == 1 ? jws_name : plain_name, "the body", key_count);
}

const struct scheme scheme_fireblocks = {.name = "fireblocks", .key_types = 1u << KEY_RSA, .verify = fireblocks_verify};
