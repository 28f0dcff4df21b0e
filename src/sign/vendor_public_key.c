/* Public keys as other platforms hand them out: SubjectPublicKeyInfo in DER, RSA as a JWK; and how their signatures
 * are verified: ECDSA in DER, RSA by PKCS #1 v1.5 with SHA-512 (RFC 8017 section 8.2, RS512 of RFC 7518). */
#include "sign/key.h"

#include "base/encode.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

enum {
	RSA_BYTES_MAX = RSA_BITS_MAX / 8,
	RSA_EXPONENT_BYTES_MAX = 4, /* a larger one makes each verification slow, and nobody has one */
	ECDSA_DER_MAX = 72,
	GROUP_NAME_MAX = 32,
};

/* --- RSA -------------------------------------------------------------------------------------------- */

static BIGNUM *
number_of(struct slice bytes)
{
	BIGNUM *number = BN_bin2bn(bytes_in(bytes), (int)bytes.len, NULL);
	ENSURE(number != NULL);
	return number;
}

static bool
rsa_numbers_good(const BIGNUM *modulus, const BIGNUM *exponent)
{
	int bits = BN_num_bits(modulus);
	return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && BN_is_odd(modulus) && BN_is_odd(exponent) &&
	       !BN_is_one(exponent);
}

struct key *
key_new_rsa(struct slice modulus, struct slice exponent)
{
	if (modulus.len == 0 || modulus.len > RSA_BYTES_MAX || exponent.len == 0 ||
	    exponent.len > RSA_EXPONENT_BYTES_MAX)
		return NULL;
	BIGNUM *n = number_of(modulus), *e = number_of(exponent);
	EVP_PKEY *pkey = NULL;
	if (rsa_numbers_good(n, e)) {
		OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
		ENSURE(builder != NULL);
		ENSURE(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1);
		ENSURE(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1);
		OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
		EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
		ENSURE(params != NULL && maker != NULL && EVP_PKEY_fromdata_init(maker) == 1);
		if (EVP_PKEY_fromdata(maker, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
			pkey = NULL;
		EVP_PKEY_CTX_free(maker);
		OSSL_PARAM_free(params);
		OSSL_PARAM_BLD_free(builder);
	}
	BN_free(n);
	BN_free(e);
	if (pkey == NULL)
		return NULL;
	struct key *key = key_new(KEY_RSA, FORM_JWK);
	key->pkey = pkey;
	key->id_bytes = jwk_thumbprint(key, key->id);
	return key;
}

static void
put_rsa_number(struct json_writer *writer, const struct key *key, const char *name, const char *param)
{
	BIGNUM *number = NULL;
	ENSURE(EVP_PKEY_get_bn_param(key->pkey, param, &number) == 1);
	unsigned char bytes[RSA_BYTES_MAX];
	int length = BN_bn2bin(number, bytes);
	BN_free(number);
	char memory[RSA_BYTES_MAX * 2];
	struct buf text = buf_over(memory, sizeof memory);
	base64url_append(&text, bytes_of(bytes, (size_t)length));
	json_put_string(writer, name, buf_slice(&text));
}

/* In the order of a thumbprint's input (RFC 7638 section 3.2). */
void
jwk_put_rsa(struct json_writer *writer, const struct key *key)
{
	put_rsa_number(writer, key, "e", OSSL_PKEY_PARAM_RSA_E);
	json_put_cstring(writer, "kty", "RSA");
	put_rsa_number(writer, key, "n", OSSL_PKEY_PARAM_RSA_N);
}

void
jwk_write_rsa(struct json_writer *writer, const struct key *key)
{
	json_open(writer, '{');
	jwk_put_rsa(writer, key);
	/* Without a given kid the key has no name: written with its thumbprint as one, it would be read as named. */
	if (key->kid_given)
		json_put_string(writer, "kid", key_id(key));
	json_put_cstring(writer, "alg", "RS512");
	json_put_cstring(writer, "use", "sig");
	json_close(writer);
}

bool
jwk_is_rsa(struct json object)
{
	if (object.type != JSON_OBJECT)
		return false;
	struct json type = json_member(object, "kty");
	return json_present(type) && type.type == JSON_STRING && json_text_is(type, SLICE("RSA"));
}

/* A string member's text, absent where it is none. */
static struct slice
member_text(struct arena *arena, struct json object, const char *name)
{
	struct json value = json_member(object, name);
	return json_present(value) && value.type == JSON_STRING ? json_text(arena, value) : SLICE_NONE;
}

static bool
member_is(struct json object, const char *name, const char *text)
{
	struct json value = json_member(object, name);
	return !json_present(value) || (value.type == JSON_STRING && json_text_is(value, slice_of(text)));
}

enum error_code
jwk_read_rsa(struct arena *arena, struct json object, struct key **out, struct error *error)
{
	*out = NULL;
	if (json_has_duplicates(object))
		return error_set(error, ERR_INVALID, "the JWK has a member twice");
	if (!member_is(object, "use", "sig") || !member_is(object, "alg", "RS512"))
		return error_set(error, ERR_INVALID, "the JWK's use must be \"sig\" and its alg RS512 for this kty");
	struct slice kid = member_text(arena, object, "kid");
	bool named = json_present(json_member(object, "kid"));
	if (named && (kid.len > KEY_ID_MAX || !visible_ascii(kid)))
		return error_set(
		    error, ERR_INVALID, "the JWK's kid must be 1 to %d visible ASCII characters", KEY_ID_MAX);
	struct slice n = member_text(arena, object, "n"), e = member_text(arena, object, "e");
	if (slice_present(n) && slice_present(e))
		*out = key_new_rsa(base64url_decode(arena, n), base64url_decode(arena, e));
	if (*out == NULL)
		return error_set(error, ERR_INVALID,
		    "the JWK must have an n of %d to %d bits and an odd e, both in base64url", RSA_BITS_MIN,
		    RSA_BITS_MAX);
	if (named)
		key_set_kid(*out, kid);
	return OK;
}

/* --- SubjectPublicKeyInfo --------------------------------------------------------------------------- */

static struct key *
from_rsa(EVP_PKEY *pkey)
{
	BIGNUM *n = NULL, *e = NULL;
	struct key *key = NULL;
	unsigned char modulus[RSA_BYTES_MAX], exponent[RSA_EXPONENT_BYTES_MAX];
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_num_bytes(n) <= RSA_BYTES_MAX &&
	    BN_num_bytes(e) <= RSA_EXPONENT_BYTES_MAX) {
		size_t modulus_bytes = (size_t)BN_bn2bin(n, modulus), exponent_bytes = (size_t)BN_bn2bin(e, exponent);
		key = key_new_rsa(bytes_of(modulus, modulus_bytes), bytes_of(exponent, exponent_bytes));
	}
	BN_free(n);
	BN_free(e);
	return key;
}

static struct key *
from_ec(EVP_PKEY *pkey)
{
	char group[GROUP_NAME_MAX];
	size_t length;
	if (EVP_PKEY_get_group_name(pkey, group, sizeof group, &length) != 1 || strcmp(group, "prime256v1") != 0)
		return NULL;
	BIGNUM *x = NULL, *y = NULL;
	struct key *key = NULL;
	unsigned char point[2 * P256_NUMBER_BYTES];
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
	    BN_bn2binpad(x, point, P256_NUMBER_BYTES) == P256_NUMBER_BYTES &&
	    BN_bn2binpad(y, point + P256_NUMBER_BYTES, P256_NUMBER_BYTES) == P256_NUMBER_BYTES)
		key = key_new_p256(bytes_of(point, P256_NUMBER_BYTES),
		    bytes_of(point + P256_NUMBER_BYTES, P256_NUMBER_BYTES), SLICE_NONE);
	BN_free(x);
	BN_free(y);
	return key;
}

static struct key *
from_ed25519(EVP_PKEY *pkey)
{
	unsigned char point[ED25519_PUBLIC_BYTES];
	size_t length = sizeof point;
	if (EVP_PKEY_get_raw_public_key(pkey, point, &length) != 1 || length != sizeof point)
		return NULL;
	return key_new_ed25519(FORM_JWK, bytes_of(point, sizeof point), SLICE_NONE);
}

struct key *
key_new_spki(struct slice der)
{
	if (der.len == 0)
		return NULL;
	const unsigned char *at = bytes_in(der);
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)der.len);
	if (pkey == NULL)
		return NULL;
	struct key *key = NULL;
	if (at == bytes_in(der) + der.len) {
		if (EVP_PKEY_is_a(pkey, "RSA"))
			key = from_rsa(pkey);
		else if (EVP_PKEY_is_a(pkey, "EC"))
			key = from_ec(pkey);
		else if (EVP_PKEY_is_a(pkey, "ED25519"))
			key = from_ed25519(pkey);
	}
	EVP_PKEY_free(pkey);
	return key;
}

/* --- verifying -------------------------------------------------------------------------------------- */

static bool
evp_verify(const struct key *key, const EVP_MD *digest, const struct slice *parts, size_t count, struct slice signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	ENSURE(md != NULL && EVP_DigestVerifyInit(md, NULL, digest, NULL, key->pkey) == 1);
	for (size_t i = 0; i < count; i++)
		if (parts[i].len > 0)
			ENSURE(EVP_DigestVerifyUpdate(md, parts[i].ptr, parts[i].len) == 1);
	bool good = EVP_DigestVerifyFinal(md, bytes_in(signature), signature.len) == 1;
	EVP_MD_CTX_free(md);
	return good;
}

bool
key_verify_vendor(const struct key *key, const struct slice *parts, size_t count, struct slice signature)
{
	switch (key->type) {
	case KEY_HMAC:
	case KEY_ED25519: return key_verify(key, parts, count, signature);
	case KEY_ECDSA_P256:
		/* OpenSSL takes the one DER form of a pair only. */
		return signature.len > 0 && signature.len <= ECDSA_DER_MAX &&
		       evp_verify(key, EVP_sha256(), parts, count, signature);
	case KEY_RSA:
		return signature.len == (size_t)EVP_PKEY_get_size(key->pkey) &&
		       evp_verify(key, EVP_sha512(), parts, count, signature);
	case KEY_TYPE_COUNT: break;
	}
	UNREACHABLE();
}
