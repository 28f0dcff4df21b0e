/* What a key is inside, and the primitives over it. Private to sign: other layers see `struct key` by name only.
 *
 * A key is filled by one of the key_new_ functions and never changes afterwards, except for its count of
 * references. The HMAC context is keyed once and copied for each use, because a copy is cheaper than a new key
 * schedule and leaves the original untouched for other threads. */
#ifndef SIGN_KEY_H
#define SIGN_KEY_H

#include "sign/sign.h"

#include <openssl/evp.h>
#include <stdatomic.h>

enum {
	HMAC_SECRET_MIN = 24,
	HMAC_SECRET_MAX = 75,
	JWK_SECRET_MAX = 256,
	ED25519_PUBLIC_BYTES = 32,
	ED25519_PAIR_BYTES = 64, /* seed, then public key */
	P256_NUMBER_BYTES = 32,
	SIGNATURE_BYTES_MAX = 64,
	LEGACY_SECRET_MAX = 256,
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 4096, /* beyond, one request costs too much */
	KEY_ID_MAX = 256,
	KEY_TEXT_MAX = 2048, /* the longest text form: a JWK whose kid has to be escaped */
};

/* The text that a key came from, and is written as again. */
enum key_form { FORM_STANDARD, FORM_JWK, FORM_LEGACY, FORM_CONFIGURED };

struct key {
	atomic_uint references;
	enum key_type type;
	enum key_form form;
	bool can_sign;
	bool kid_given;				    /* by a JWK: then only signatures that name it are tried */
	struct secret secret;			    /* HMAC secret; Ed25519 pair; P-256 private number */
	unsigned char point[2 * P256_NUMBER_BYTES]; /* Ed25519 public key; P-256 x, then y */
	EVP_MAC_CTX *mac;
	EVP_PKEY *pkey;
	struct hmac_rule *rule; /* of the scheme hmac: what its key file says of the requests */
	char id[KEY_ID_MAX];
	size_t id_bytes;
};

struct signature {
	unsigned char bytes[SIGNATURE_BYTES_MAX];
	size_t length;
};

/* An empty key of that type, to be filled. */
struct key *key_new(enum key_type type, enum key_form form);
/* The caller owns the one reference. NULL where the bytes are no key of that type (never for HMAC).
 * An absent private part gives a key that only verifies. */
struct key *key_new_hmac(enum key_form form, struct slice secret);
struct key *key_new_hmac_with(enum key_form form, struct slice secret, const char *digest);
struct key *key_new_ed25519(enum key_form form, struct slice public, struct slice seed);
struct key *key_new_p256(struct slice x, struct slice y, struct slice d);
struct key *key_new_rsa(struct slice modulus, struct slice exponent);
/* Of a SubjectPublicKeyInfo (RFC 5280) in DER: RSA, P-256 or Ed25519. */
struct key *key_new_spki(struct slice der);
struct key *key_generate_p256(void);
void key_set_kid(struct key *key, struct slice kid);

/* Printable ASCII whose bytes are the secret. */
MUST_CHECK enum error_code parse_secret(struct slice text, struct key **out, struct error *error);

/* Signs the concatenation of the parts. Ed25519 needs its message in one part. */
void key_sign(const struct key *key, const struct slice *parts, size_t count, struct signature *out);
/* Constant time for HMAC; for public keys nothing secret takes part. */
bool key_verify(const struct key *key, const struct slice *parts, size_t count, struct slice signature);
/* The same, where other platforms differ: ECDSA in DER, and RSA (PKCS #1 v1.5 with SHA-512). */
bool key_verify_vendor(const struct key *key, const struct slice *parts, size_t count, struct slice signature);

/* JWK (RFC 7517, 7518, 8037), in jwk.c. */
MUST_CHECK enum error_code jwk_parse(struct slice text, struct key **out, struct error *error);
void jwk_write(struct json_writer *writer, const struct key *key, bool private, struct slice owner);
/* RFC 7638: the thumbprint in base64url, for public-key types. Returns its length. */
size_t jwk_thumbprint(const struct key *key, char out[static KEY_ID_MAX]);
bool jwk_is_rsa(struct json object);
MUST_CHECK enum error_code jwk_read_rsa(struct arena *arena, struct json object, struct key **out, struct error *error);
void jwk_put_rsa(struct json_writer *writer, const struct key *key); /* what a thumbprint is made of */
void jwk_write_rsa(struct json_writer *writer, const struct key *key);
bool visible_ascii(struct slice s); /* at least one character */

/* Keys of receiving-only schemes, in vendor_keys.c. */
MUST_CHECK enum error_code vendor_key_parse(
    enum sign_scheme scheme, struct slice text, struct key **out, struct error *error);
MUST_CHECK enum error_code vendor_key_list_parse(
    enum sign_scheme scheme, struct slice text, struct key_list *out, struct error *error);

/* The rule of an hmac key, in vendor_hmac.c. `text` is the line behind "#hmac". */
MUST_CHECK enum error_code hmac_rule_parse(struct slice text, struct hmac_rule **out, struct error *error);
MUST_CHECK enum error_code hmac_rule_key(
    const struct hmac_rule *rule, struct slice text, struct key **out, struct error *error);
void hmac_rule_write(struct buf *out, const struct key *key); /* the line and the secret */
void hmac_rule_free(struct hmac_rule *rule);		      /* NULL is fine */

void sha512(struct slice bytes, unsigned char out[static 64]);
/* Overwrites secret bytes that lie in an arena. */
void wipe(struct slice bytes);
/* A buf over memory that is there already; it never grows. */
static inline struct buf
buf_over(char *memory, size_t bytes)
{
	return (struct buf){.data = memory, .capacity = bytes, .max = bytes};
}

static inline struct slice
bytes_of(const unsigned char *bytes, size_t length)
{
	return (struct slice){(const char *)bytes, length};
}

static inline const unsigned char *
bytes_in(struct slice s)
{
	return (const unsigned char *)s.ptr;
}

#endif
