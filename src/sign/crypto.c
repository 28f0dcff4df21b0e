/* The primitives: digests, HMAC, Ed25519 and ECDSA over P-256, all from OpenSSL but Ed25519, which libsodium does
 * in half the time. A failure inside them is no answer about the input but a broken library, so it aborts. */
#include "sign/key.h"

#include "base/encode.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdlib.h>

/* --- digests ---------------------------------------------------------------------------------------- */

void
sha256(struct slice bytes, unsigned char out[static SHA256_BYTES])
{
	ENSURE(EVP_Digest(bytes.len == 0 ? "" : bytes.ptr, bytes.len, out, NULL, EVP_sha256(), NULL) == 1);
}

void
sha512(struct slice bytes, unsigned char out[static 64])
{
	ENSURE(EVP_Digest(bytes.len == 0 ? "" : bytes.ptr, bytes.len, out, NULL, EVP_sha512(), NULL) == 1);
}

bool
constant_time_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

void
wipe(struct slice bytes)
{
	if (bytes.len > 0)
		OPENSSL_cleanse((void *)(uintptr_t)bytes.ptr, bytes.len);
}

/* --- making keys ------------------------------------------------------------------------------------ */

struct key *
key_new(enum key_type type, enum key_form form)
{
	struct key *key = mem_zero(1, sizeof *key);
	atomic_init(&key->references, 1);
	key->type = type;
	key->form = form;
	return key;
}

struct key *
key_new_hmac(enum key_form form, struct slice secret)
{
	return key_new_hmac_with(form, secret, "SHA256");
}

struct key *
key_new_hmac_with(enum key_form form, struct slice secret, const char *digest)
{
	struct key *key = key_new(KEY_HMAC, form);
	key->can_sign = true;
	key->secret = secret_copy(secret);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	ENSURE(mac != NULL);
	key->mac = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	ENSURE(key->mac != NULL);
	char name[8];
	ENSURE(strlen(digest) < sizeof name);
	memcpy(name, digest, strlen(digest) + 1);
	const OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_construct_end()};
	ENSURE(EVP_MAC_init(key->mac, key->secret.bytes, key->secret.length, params) == 1);
	unsigned char hash[SHA256_BYTES];
	sha256(secret, hash);
	struct buf id = buf_over(key->id, sizeof key->id);
	hex_append(&id, bytes_of(hash, 8));
	key->id_bytes = id.len;
	return key;
}

struct key *
key_new_ed25519(enum key_form form, struct slice public, struct slice seed)
{
	ENSURE(sodium_init() >= 0);
	unsigned char point[ED25519_PUBLIC_BYTES], pair[ED25519_PAIR_BYTES];
	if (slice_present(seed)) {
		if (seed.len != crypto_sign_SEEDBYTES || crypto_sign_seed_keypair(point, pair, bytes_in(seed)) != 0)
			return NULL;
		bool same = !slice_present(public) || slice_equal(public, bytes_of(point, sizeof point));
		if (!same) {
			sodium_memzero(pair, sizeof pair);
			return NULL;
		}
	} else {
		if (public.len != sizeof point)
			return NULL;
		memcpy(point, public.ptr, sizeof point);
	}
	struct key *key = key_new(KEY_ED25519, form);
	memcpy(key->point, point, sizeof point);
	if (slice_present(seed)) {
		key->can_sign = true;
		key->secret = secret_copy(bytes_of(pair, sizeof pair));
		sodium_memzero(pair, sizeof pair);
	}
	key->id_bytes = jwk_thumbprint(key, key->id);
	return key;
}

/* Builds OpenSSL's form of a P-256 key; NULL when the point is not on the curve or `d` does not belong to it. */
static EVP_PKEY *
p256_build(const unsigned char point[static 2 * P256_NUMBER_BYTES], struct slice d)
{
	unsigned char octets[1 + 2 * P256_NUMBER_BYTES];
	octets[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(octets + 1, point, 2 * P256_NUMBER_BYTES);
	BIGNUM *number = slice_present(d) ? BN_secure_new() : NULL;
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	ENSURE(builder != NULL);
	ENSURE(OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1);
	ENSURE(OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, octets, sizeof octets) == 1);
	if (number != NULL) {
		ENSURE(BN_bin2bn(bytes_in(d), (int)d.len, number) != NULL);
		ENSURE(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number) == 1);
	}
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	ENSURE(params != NULL && maker != NULL && EVP_PKEY_fromdata_init(maker) == 1);
	EVP_PKEY *pkey = NULL;
	int selection = number != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
	bool good = EVP_PKEY_fromdata(maker, &pkey, selection, params) == 1;
	if (good) {
		EVP_PKEY_CTX *checker = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
		ENSURE(checker != NULL);
		good = EVP_PKEY_public_check(checker) == 1 && (number == NULL || EVP_PKEY_pairwise_check(checker) == 1);
		EVP_PKEY_CTX_free(checker);
	}
	if (!good) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	EVP_PKEY_CTX_free(maker);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_clear_free(number);
	return pkey;
}

struct key *
key_new_p256(struct slice x, struct slice y, struct slice d)
{
	if (x.len != P256_NUMBER_BYTES || y.len != P256_NUMBER_BYTES ||
	    (slice_present(d) && d.len != P256_NUMBER_BYTES))
		return NULL;
	unsigned char point[2 * P256_NUMBER_BYTES];
	memcpy(point, x.ptr, x.len);
	memcpy(point + P256_NUMBER_BYTES, y.ptr, y.len);
	EVP_PKEY *pkey = p256_build(point, d);
	if (pkey == NULL)
		return NULL;
	struct key *key = key_new(KEY_ECDSA_P256, FORM_JWK);
	key->pkey = pkey;
	memcpy(key->point, point, sizeof point);
	if (slice_present(d)) {
		key->can_sign = true;
		key->secret = secret_copy(d);
	}
	key->id_bytes = jwk_thumbprint(key, key->id);
	return key;
}

static void
read_number(EVP_PKEY *pkey, const char *name, unsigned char out[static P256_NUMBER_BYTES])
{
	BIGNUM *number = NULL;
	ENSURE(EVP_PKEY_get_bn_param(pkey, name, &number) == 1);
	ENSURE(BN_bn2binpad(number, out, P256_NUMBER_BYTES) == P256_NUMBER_BYTES);
	BN_clear_free(number);
}

struct key *
key_generate_p256(void)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	ENSURE(pkey != NULL);
	unsigned char x[P256_NUMBER_BYTES], y[P256_NUMBER_BYTES], d[P256_NUMBER_BYTES];
	read_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, x);
	read_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y);
	read_number(pkey, OSSL_PKEY_PARAM_PRIV_KEY, d);
	EVP_PKEY_free(pkey);
	struct key *key = key_new_p256(bytes_of(x, sizeof x), bytes_of(y, sizeof y), bytes_of(d, sizeof d));
	OPENSSL_cleanse(d, sizeof d);
	ENSURE(key != NULL);
	return key;
}

struct key *
key_ref(struct key *key)
{
	atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
	return key;
}

void
key_unref(struct key *key)
{
	if (key == NULL || atomic_fetch_sub_explicit(&key->references, 1, memory_order_acq_rel) != 1)
		return;
	secret_free(&key->secret);
	EVP_MAC_CTX_free(key->mac);
	EVP_PKEY_free(key->pkey);
	hmac_rule_free(key->rule);
	free(key);
}

/* --- signing and verifying -------------------------------------------------------------------------- */

static void
hmac_sign(const struct key *key, const struct slice *parts, size_t count, struct signature *out)
{
	EVP_MAC_CTX *mac = EVP_MAC_CTX_dup(key->mac);
	ENSURE(mac != NULL);
	for (size_t i = 0; i < count; i++)
		if (parts[i].len > 0)
			ENSURE(EVP_MAC_update(mac, bytes_in(parts[i]), parts[i].len) == 1);
	ENSURE(EVP_MAC_final(mac, out->bytes, &out->length, sizeof out->bytes) == 1);
	EVP_MAC_CTX_free(mac);
}

/* RFC 9421 section 3.3.4 wants r and s as two 32-byte numbers; OpenSSL speaks DER. */
static void
p256_sign(const struct key *key, const struct slice *parts, size_t count, struct signature *out)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	ENSURE(md != NULL && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key->pkey) == 1);
	for (size_t i = 0; i < count; i++)
		ENSURE(EVP_DigestSignUpdate(md, parts[i].ptr, parts[i].len) == 1);
	unsigned char der[80];
	size_t der_bytes = sizeof der;
	ENSURE(EVP_DigestSignFinal(md, der, &der_bytes) == 1);
	EVP_MD_CTX_free(md);
	const unsigned char *at = der;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)der_bytes);
	ENSURE(pair != NULL);
	ENSURE(BN_bn2binpad(ECDSA_SIG_get0_r(pair), out->bytes, P256_NUMBER_BYTES) == P256_NUMBER_BYTES);
	ENSURE(BN_bn2binpad(ECDSA_SIG_get0_s(pair), out->bytes + P256_NUMBER_BYTES, P256_NUMBER_BYTES) ==
	       P256_NUMBER_BYTES);
	ECDSA_SIG_free(pair);
	out->length = sizeof out->bytes;
}

static bool
p256_verify(const struct key *key, const struct slice *parts, size_t count, struct slice signature)
{
	if (signature.len != 2 * P256_NUMBER_BYTES)
		return false;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(bytes_in(signature), P256_NUMBER_BYTES, NULL);
	BIGNUM *s = BN_bin2bn(bytes_in(signature) + P256_NUMBER_BYTES, P256_NUMBER_BYTES, NULL);
	ENSURE(pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1);
	unsigned char *der = NULL;
	int der_bytes = i2d_ECDSA_SIG(pair, &der);
	ECDSA_SIG_free(pair);
	ENSURE(der_bytes > 0);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	ENSURE(md != NULL && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key->pkey) == 1);
	for (size_t i = 0; i < count; i++)
		ENSURE(EVP_DigestVerifyUpdate(md, parts[i].ptr, parts[i].len) == 1);
	bool good = EVP_DigestVerifyFinal(md, der, (size_t)der_bytes) == 1;
	EVP_MD_CTX_free(md);
	OPENSSL_free(der);
	return good;
}

void
key_sign(const struct key *key, const struct slice *parts, size_t count, struct signature *out)
{
	ENSURE(key->can_sign);
	switch (key->type) {
	case KEY_HMAC: hmac_sign(key, parts, count, out); return;
	case KEY_ED25519:
		ENSURE(count == 1);
		ENSURE(
		    crypto_sign_detached(out->bytes, NULL, bytes_in(parts[0]), parts[0].len, key->secret.bytes) == 0);
		out->length = crypto_sign_BYTES;
		return;
	case KEY_ECDSA_P256: p256_sign(key, parts, count, out); return;
	case KEY_RSA:
	case KEY_TYPE_COUNT: break;
	}
	UNREACHABLE();
}

bool
key_verify(const struct key *key, const struct slice *parts, size_t count, struct slice signature)
{
	switch (key->type) {
	case KEY_HMAC: {
		struct signature expected;
		hmac_sign(key, parts, count, &expected);
		return constant_time_equal(bytes_of(expected.bytes, expected.length), signature);
	}
	case KEY_ED25519:
		ENSURE(count == 1);
		return signature.len == crypto_sign_BYTES && crypto_sign_verify_detached(bytes_in(signature),
								 bytes_in(parts[0]), parts[0].len, key->point) == 0;
	case KEY_ECDSA_P256: return p256_verify(key, parts, count, signature);
	case KEY_RSA:
	case KEY_TYPE_COUNT: break;
	}
	UNREACHABLE();
}
