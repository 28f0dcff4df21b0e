/* Signatures over exact bytes: sign what is sent, verify what came.
 *
 * One table of schemes, each a const vtable (scheme.c); this header is all that other layers see.
 *   standard  Standard Webhooks: `v1` (HMAC-SHA256) and `v1a` (Ed25519) over "id.timestamp.body";
 *             headers webhook-id, webhook-timestamp, webhook-signature (verifying also takes the svix- twins)
 *   rfc9421   HTTP Message Signatures with RFC 9530 Content-Digest; ecdsa-p256-sha256 (raw r||s), ed25519, hmac-sha256
 *   legacy    X-Sha2-Signature: lower-case hex of HMAC-SHA256(secret, body); no time, no id in the signed bytes
 *   others    receiving only: what other custody platforms send, and `hmac`, which its key file configures;
 *             docs/schemes.md has the table
 *
 * Invariants
 * 1. Verifying compares in constant time and tries every key given; it never depends on which one fits.
 * 2. The event id that verify returns is covered by the signature (standard, rfc9421); for legacy it is
 *    `messageId` in the body; for the others a member of the signed body, or the SHA-256 of what is signed. An
 *    unsigned header never gives it.
 * 3. An rfc9421 signature that does not cover content-digest, or a digest that does not fit the body, is refused.
 * 4. No error text holds a key, a signature or a piece of the body.
 *
 * Pure: time comes in as a parameter. Keys are immutable after they are made, so threads may share them. */
#ifndef SIGN_SIGN_H
#define SIGN_SIGN_H

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "json/json.h"

enum sign_scheme {
	SCHEME_STANDARD,
	SCHEME_RFC9421,
	SCHEME_LEGACY,
	/* from here on: receiving only */
	SCHEME_FIREBLOCKS,
	SCHEME_BITGO,
	SCHEME_DFNS,
	SCHEME_FORDEFI,
	SCHEME_COPPER,
	SCHEME_COBO,
	SCHEME_RIPPLE,
	SCHEME_CIRCLE,
	SCHEME_COINBASE,
	SCHEME_HMAC,
	SCHEME_COUNT
};
/* All names of the table, for help and error texts. */
#define SIGN_SCHEME_NAMES                                                                                              \
	"standard, rfc9421, legacy, fireblocks, bitgo, dfns, fordefi, copper, cobo, ripple, circle, coinbase, hmac"

/* KEY_TYPE_COUNT counts what we sign with; an RSA key only verifies, and has no place in requests and documents. */
enum key_type { KEY_HMAC, KEY_ED25519, KEY_ECDSA_P256, KEY_TYPE_COUNT, KEY_RSA };

const char *sign_scheme_name(enum sign_scheme scheme); /* "standard", "rfc9421", "legacy", … */
MUST_CHECK bool sign_scheme_parse(struct slice name, enum sign_scheme *out);
/* False for the schemes that are received only: no endpoint may have one. */
bool sign_scheme_can_sign(enum sign_scheme scheme);
bool sign_scheme_signs_with(enum sign_scheme scheme, enum key_type type);
const char *key_type_name(enum key_type type);			       /* "hmac", "ed25519", "ecdsa-p256", "rsa" */
MUST_CHECK bool key_type_parse(struct slice name, enum key_type *out); /* not "rsa" */

/* --- keys ------------------------------------------------------------------------------------------- */

/* A key: HMAC secret, private key, or public key alone (can verify only). Opaque, reference-counted, immutable. */
struct key;

struct key *key_ref(struct key *key);
void key_unref(struct key *key); /* NULL is fine; clears the secret with the last reference */

/* A new random key. HMAC: 32 bytes. */
struct key *key_generate(enum key_type type);
/* Reads the text form of a key for `scheme`:
 *   standard  `whsec_` + base64 of 24..75 bytes; `whsk_` + base64 of the 64 byte Ed25519 pair; `whpk_` + base64 of 32 bytes
 *   rfc9421   one JWK (RFC 7517): EC P-256, OKP Ed25519, oct; `d` optional; `kid` kept; also the standard forms above
 *   legacy    any printable ASCII text of 1..256 bytes: its bytes are the secret
 *   others    a secret as for legacy where the scheme is HMAC; else a public key: PEM, base64 of its DER, or a JWK,
 *             the first two with an id and a space before them where the scheme names keys; cobo also 64 hex digits;
 *             hmac wants its #hmac line before the secret
 * ERR_INVALID says what the text should be; never repeats it. */
MUST_CHECK enum error_code key_parse(enum sign_scheme scheme, struct slice text, struct key **out, struct error *error);
/* One key a line (blank lines and lines that start with # are skipped); ERR_INVALID names the line.
 * At most LIMIT_SECRETS keys. A receiving-only scheme takes PEM over several lines and a JWK set as the whole text.
 * `*keys` is malloc'd: key_list_free. */
struct key_list {
	struct key **items;
	size_t count;
};
MUST_CHECK enum error_code key_list_parse(
    enum sign_scheme scheme, struct slice text, struct key_list *out, struct error *error);
void key_list_free(struct key_list *keys);

/* Of a JWK set that was fetched: the public keys for signatures that the scheme takes; shared secrets never. `owner`, where
 * it is present, takes only those that a Vaultbell sender names as that endpoint's or organisation's. Where signatures do not name their key
 * at most LIMIT_SECRETS, since every one is tried; else LIMIT_JWKS_KEYS. None is an error. */
MUST_CHECK enum error_code jwks_parse(
    enum sign_scheme scheme, struct slice text, struct slice owner, struct key_list *out, struct error *error);
/* Whether it has public keys at all. */
bool sign_scheme_takes_jwks(enum sign_scheme scheme);

enum key_type key_type(const struct key *key);
bool key_can_sign(const struct key *key);
/* RFC 7638 thumbprint (base64url) unless the JWK brought a kid; for HMAC the first 16 hex digits of SHA-256(secret). Borrowed. */
struct slice key_id(const struct key *key);
/* The private text form, for sealing: `whsec_…`, `whsk_…`, or a private JWK; a legacy key's own text. */
struct secret key_private_text(const struct key *key);
/* What may be shown and published: `whpk_…` for Ed25519, the public JWK for ECDSA; for HMAC the secret itself
 * (that is what the two sides share). In `arena`. */
struct slice key_shared_text(struct arena *arena, const struct key *key);
/* Writes the public JWK object (kty, crv, x, y, kid, alg, use) for /.well-known/jwks.json; not for HMAC keys. `owner` (an
 * endpoint's or organisation's id), where present, says whose it is, so that a receiver can tell its own sender's keys from those of others. */
void key_write_jwk(struct json_writer *writer, const struct key *key, struct slice owner);

/* --- signing ---------------------------------------------------------------------------------------- */

struct http_header {
	struct slice name, value;
};

struct http_headers {
	struct http_header *items;
	size_t count;
};

/* What is signed. For rfc9421 the covered components are "@method" "@authority" "@path" "content-digest"
 * "content-type" "webhook-id" "webhook-timestamp" and, where present, "vaultbell-sequence". */
struct sign_input {
	struct slice method;	   /* "POST" */
	struct slice authority;	   /* host[:port], lower case, default port left out */
	struct slice path;	   /* absolute path without query, "/" when empty */
	struct slice content_type; /* "application/json" */
	struct slice id;	   /* webhook-id */
	struct slice sequence;	   /* vaultbell-sequence, or absent */
	int64_t timestamp;	   /* Unix seconds, of this attempt */
	struct slice body;
};

enum { SIGN_HEADERS_MAX = 8 };

/* Appends the scheme's headers to `headers` (room for SIGN_HEADERS_MAX), in lower case:
 *   standard  webhook-id, webhook-timestamp, webhook-signature (all `keys`, newest first, space-separated)
 *   rfc9421   webhook-id, webhook-timestamp, content-digest, signature-input, signature (one label per key: sig1, sig2 …)
 *   legacy    x-sha2-signature (of the first key)
 * Every key must be able to sign. Values live in `arena`. ERR_INVALID when a key does not fit the scheme. */
MUST_CHECK enum error_code sign_request(enum sign_scheme scheme, struct key *const *keys, size_t key_count,
    const struct sign_input *input, struct arena *arena, struct http_headers *headers, struct error *error);

/* --- verifying -------------------------------------------------------------------------------------- */

struct verify_input {
	struct slice method, authority, path, query; /* as received; path and query undecoded; query without '?' */
	struct slice target_uri;		     /* for "@target-uri"; may be absent */
	struct http_headers headers;		     /* as received, in order */
	struct slice body;
	struct wall_time now;
};

enum verdict {
	VERDICT_VERIFIED,
	VERDICT_MISSING,   /* no signature, id or timestamp header */
	VERDICT_MALFORMED, /* there, but not of the form the scheme requires */
	VERDICT_WRONG,	   /* no key fits */
	VERDICT_STALE,	   /* the signature fits, its time is more than LIMIT_TIMESTAMP_SKEW_S from now, either way */
	VERDICT_NO_ID,	   /* verified bytes that carry no event id where the scheme takes it from the body */
	/* before the signature is looked at, by who sends */
	VERDICT_ADDRESS,     /* not from an address of the source */
	VERDICT_CERTIFICATE, /* without a client certificate that the source wants */
	VERDICT_COUNT,
};

struct verify_result {
	enum verdict verdict;
	struct slice
	    event_id; /* only when verified: covered by the signature, or the body's messageId. In arena or input. */
	/* Of a scheme whose body differs between attempts of one event: the signed part that does not, to compare
	 * instead of the body. Absent: the body stays the same. In arena or input. */
	struct slice content;
	bool unknown_key;     /* WRONG: it names a key that is none of these */
	size_t key_index;     /* which key fitted */
	bool sequence_signed; /* vaultbell-sequence is there, and the signature covers it */
	char reason[160]; /* one line for the answer, log and refused list: what was expected; no secrets, no payload */
};

/* Every scheme requires 1..256 bytes of visible ASCII as the id; rfc9421 with webhook-id covered. */
void verify_request(enum sign_scheme scheme, struct key *const *keys, size_t key_count,
    const struct verify_input *input, struct arena *arena, struct verify_result *result);
const char *verdict_name(enum verdict verdict);

/* --- digests and seals ------------------------------------------------------------------------------ */

enum { SHA256_BYTES = 32 };
void sha256(struct slice bytes, unsigned char out[static SHA256_BYTES]);
bool constant_time_equal(struct slice a, struct slice b);

/* Seals secrets at rest: AES-256-GCM, random 96 bit nonce, `context` (kind and id of the owner) as associated data,
 * so that a sealed value moved to another row does not open. Form: 1 byte version, 12 nonce, ciphertext, 16 tag. */
struct sealer;
/* Reads DIR/master.key (64 hex digits, mode 0600 required), creating it (fsynced, with its directory) when absent.
 *
 * While keys are being rotated there is DIR/master.key.next too, and the sealer has both: it seals with the next one and
 * opens with either.
 *
 *   master.key ──sealer_rotation_begin──▶ and master.key.next ──all is sealed anew, sealer_rotation_end──▶ master.key
 *
 * Each of the two steps is one change of the directory, so whatever ends a process in between leaves keys that open all. */
MUST_CHECK enum error_code sealer_open(const char *directory, struct sealer **out, struct error *error);
struct sealer *sealer_from_bytes(const unsigned char key[static 32]); /* for tests and simulation */
void sealer_free(struct sealer *sealer);
/* Makes DIR/master.key.next. ERR_CONFLICT: a rotation is under way already. */
MUST_CHECK enum error_code sealer_rotation_begin(const char *directory, struct error *error);
/* Reads the key files again; other threads may seal and open meanwhile. */
MUST_CHECK enum error_code sealer_reload(struct sealer *sealer, struct error *error);
/* Whether it has two keys. */
bool sealer_rotating(const struct sealer *sealer);
/* Which key it seals with: rises whenever that is another one. */
uint64_t sealer_generation(const struct sealer *sealer);
/* The next key takes the place of the first, whose file is gone then: nothing that it sealed may be left. */
MUST_CHECK enum error_code sealer_rotation_end(struct sealer *sealer, struct error *error);
/* Tells a key from others without saying anything else of it: 16 hexadecimal digits. `at` 0: the one that seals, 1: the one
 * before, while there is one. */
enum { SEALER_KEY_ID_BYTES = 16 + 1 };
void sealer_key_id(const struct sealer *sealer, size_t at, char out[static SEALER_KEY_ID_BYTES]);
/* Is it sealed with the key that sealing uses? */
bool sealer_is_newest(const struct sealer *sealer, struct slice context, struct slice sealed);
/* Seals anew what an older key sealed. The result depends on the sealed value and the key alone, so that copies of one
 * value stay copies. ERR_CORRUPT: no key opens it. */
MUST_CHECK enum error_code sealer_reseal(
    const struct sealer *sealer, struct slice context, struct slice sealed, struct buf *out, struct error *error);
void sealer_seal(const struct sealer *sealer, struct slice context, struct slice plain, struct buf *out);
/* A code over a secret under the key that seals (HMAC-SHA256, in hexadecimal): tells whether two secrets are the same, to
 * whoever has the key, as long as it is not rotated. */
void sealer_mark(const struct sealer *sealer, struct slice context, struct slice plain, struct buf *out);
MUST_CHECK enum error_code sealer_open_sealed(
    const struct sealer *sealer, struct slice context, struct slice sealed, struct secret *out, struct error *error);

#endif
