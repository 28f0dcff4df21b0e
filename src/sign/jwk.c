/* JSON Web Keys: RFC 7517, with EC P-256 and oct of RFC 7518, Ed25519 of RFC 8037, thumbprints of RFC 7638.
 * Members that are not needed are ignored, except those that contradict the use as a signing key. */
#include "sign/key.h"

#include "base/encode.h"

enum { JWK_DEPTH_MAX = 8 };

struct jwk_kind {
	const char *type, *curve, *algorithm, *algorithm_also;
	const char *numbers; /* what must be there, for people */
};

static const struct jwk_kind kinds[KEY_TYPE_COUNT] = {
    [KEY_HMAC] = {"oct", NULL, "HS256", "hmac-sha256", "a k of 24 to 256 bytes in base64url"},
    [KEY_ED25519] = {"OKP", "Ed25519", "EdDSA", "Ed25519",
	"an x of 32 bytes in base64url, and a d, where there is one, that belongs to it"},
    [KEY_ECDSA_P256] = {"EC", "P-256", "ES256", "ecdsa-p256-sha256",
	"x and y of 32 bytes in base64url, a point of the curve, and a d, where there is one, that belongs to it"},
};

/* --- reading ---------------------------------------------------------------------------------------- */

/* A string member's text; absent when it is not there or not a string. */
static struct slice
member_text(struct arena *arena, struct json object, const char *name)
{
	struct json value = json_member(object, name);
	if (!json_present(value) || value.type != JSON_STRING)
		return SLICE_NONE;
	return json_text(arena, value);
}

static struct slice
member_bytes(struct arena *arena, struct json object, const char *name)
{
	struct slice text = member_text(arena, object, name);
	if (!slice_present(text))
		return SLICE_NONE;
	struct slice bytes = base64url_decode(arena, text);
	wipe(text);
	return bytes;
}

bool
visible_ascii(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e)
			return false;
	return s.len > 0;
}

static bool
jwk_kind_of(struct arena *arena, struct json object, enum key_type *out)
{
	struct slice type = member_text(arena, object, "kty"), curve = member_text(arena, object, "crv");
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (slice_is(type, kinds[i].type) && (kinds[i].curve == NULL || slice_is(curve, kinds[i].curve))) {
			*out = (enum key_type)i;
			return true;
		}
	return false;
}

/* The members that limit what a key is for must allow this use. */
static enum error_code
jwk_check_use(struct arena *arena, struct json object, const struct jwk_kind *kind, struct error *error)
{
	if (json_present(json_member(object, "use")) && !slice_is(member_text(arena, object, "use"), "sig"))
		return error_set(error, ERR_INVALID, "the JWK's use must be \"sig\"");
	struct slice algorithm = member_text(arena, object, "alg");
	if (json_present(json_member(object, "alg")) && !slice_is(algorithm, kind->algorithm) &&
	    !slice_is(algorithm, kind->algorithm_also))
		return error_set(error, ERR_INVALID, "the JWK's alg must be %s for this kty", kind->algorithm);
	return OK;
}

static struct key *
jwk_build(struct arena *arena, struct json object, enum key_type type)
{
	struct slice x = member_bytes(arena, object, "x"), y = member_bytes(arena, object, "y");
	struct slice d = member_bytes(arena, object, "d"), k = member_bytes(arena, object, "k");
	bool whole = slice_present(d) || !json_present(json_member(object, "d"));
	struct key *key = NULL;
	switch (type) {
	case KEY_HMAC:
		if (k.len >= HMAC_SECRET_MIN && k.len <= JWK_SECRET_MAX)
			key = key_new_hmac(FORM_JWK, k);
		break;
	case KEY_ED25519:
		if (whole && slice_present(x))
			key = key_new_ed25519(FORM_JWK, x, d);
		break;
	case KEY_ECDSA_P256:
		if (whole)
			key = key_new_p256(x, y, d);
		break;
	case KEY_RSA:
	case KEY_TYPE_COUNT: UNREACHABLE();
	}
	wipe(d);
	wipe(k);
	return key;
}

static enum error_code
jwk_read(struct arena *arena, struct json object, struct key **out, struct error *error)
{
	enum key_type type;
	if (object.type != JSON_OBJECT || !jwk_kind_of(arena, object, &type))
		return error_set(error, ERR_INVALID,
		    "a JWK here is an object with kty EC and crv P-256, kty OKP and crv Ed25519, "
		    "or kty oct");
	if (json_has_duplicates(object))
		return error_set(error, ERR_INVALID, "the JWK has a member twice");
	struct slice kid = member_text(arena, object, "kid");
	if (json_present(json_member(object, "kid")) && (kid.len > KEY_ID_MAX || !visible_ascii(kid)))
		return error_set(
		    error, ERR_INVALID, "the JWK's kid must be 1 to %d visible ASCII characters", KEY_ID_MAX);
	enum error_code code = jwk_check_use(arena, object, &kinds[type], error);
	if (code != OK)
		return code;
	*out = jwk_build(arena, object, type);
	if (*out == NULL)
		return error_set(error, ERR_INVALID, "the JWK must have %s", kinds[type].numbers);
	if (slice_present(kid))
		key_set_kid(*out, kid);
	return OK;
}

enum error_code
jwk_parse(struct slice text, struct key **out, struct error *error)
{
	struct json object;
	*out = NULL;
	if (json_parse(text, JWK_DEPTH_MAX, &object, NULL) != OK)
		return error_set(
		    error, ERR_INVALID, "the key must be a JWK (a JSON object), or start with whsec_, whsk_ or whpk_");
	struct arena arena = ARENA_EMPTY;
	enum error_code code = jwk_read(&arena, object, out, error);
	arena_free(&arena);
	return code;
}

/* --- writing ---------------------------------------------------------------------------------------- */

static void
put_bytes(struct json_writer *writer, const char *name, struct slice bytes)
{
	char memory[JWK_SECRET_MAX * 2];
	struct buf text = buf_over(memory, sizeof memory);
	base64url_append(&text, bytes);
	json_put_string(writer, name, buf_slice(&text));
	wipe(buf_slice(&text));
}

/* kty and the numbers of the public key, in the order of a thumbprint's input. */
static void
put_public(struct json_writer *writer, const struct key *key)
{
	const struct jwk_kind *kind = &kinds[key->type];
	if (kind->curve != NULL)
		json_put_cstring(writer, "crv", kind->curve);
	json_put_cstring(writer, "kty", kind->type);
	if (kind->curve != NULL)
		put_bytes(writer, "x", bytes_of(key->point, P256_NUMBER_BYTES));
	if (key->type == KEY_ECDSA_P256)
		put_bytes(writer, "y", bytes_of(key->point + P256_NUMBER_BYTES, P256_NUMBER_BYTES));
}

void
jwk_write(struct json_writer *writer, const struct key *key, bool private, struct slice owner)
{
	json_open(writer, '{');
	put_public(writer, key);
	if (private && key->type == KEY_HMAC)
		put_bytes(writer, "k", secret_reveal(&key->secret));
	else if (private && key->can_sign)
		put_bytes(writer, "d", bytes_of(key->secret.bytes, P256_NUMBER_BYTES));
	/* An HMAC key's own id is made from the secret, so it is written only where the JWK brought one. */
	if (key->type != KEY_HMAC || key->kid_given)
		json_put_string(writer, "kid", key_id(key));
	json_put_cstring(writer, "alg", kinds[key->type].algorithm);
	json_put_cstring(writer, "use", "sig");
	if (slice_present(owner))
		json_put_string(
		    writer, slice_starts(owner, SLICE("ep_")) ? "vaultbell_endpoint" : "vaultbell_organisation", owner);
	json_close(writer);
}

size_t
jwk_thumbprint(const struct key *key, char out[static KEY_ID_MAX])
{
	char memory[RSA_BITS_MAX / 4];
	struct buf text = buf_over(memory, sizeof memory);
	struct json_writer writer;
	json_writer_init(&writer, &text);
	json_open(&writer, '{');
	if (key->type == KEY_RSA)
		jwk_put_rsa(&writer, key);
	else
		put_public(&writer, key);
	json_close(&writer);
	ENSURE(!text.overflow);
	unsigned char hash[SHA256_BYTES];
	sha256(buf_slice(&text), hash);
	struct buf id = buf_over(out, KEY_ID_MAX);
	base64url_append(&id, bytes_of(hash, sizeof hash));
	return id.len;
}
