/* What the schemes of other platforms share. Private to sign.
 *
 * Each of them verifies in the same order: the signature header, what it signs, every key, the signed time where there
 * is one, the event id. A helper that returns false has set the verdict. */
#ifndef SIGN_VENDOR_H
#define SIGN_VENDOR_H

#include "sign/scheme.h"

enum vendor_encoding { ENCODING_HEX, ENCODING_BASE64 };

enum { HEX_SHA256_CHARACTERS = 2 * SHA256_BYTES, VENDOR_PARTS_MAX = 8 };

/* The value of a header that must be there once. */
MUST_CHECK bool vendor_header(
    const struct verify_input *input, const char *name, struct slice *out, struct verify_result *result);
/* The bytes of a signature's text, of which there may be at most SIGNATURE_TEXT_MAX; empty ones are malformed. */
MUST_CHECK bool vendor_signature(struct arena *arena, const char *header, struct slice text,
    enum vendor_encoding encoding, struct slice *out, struct verify_result *result);
/* The lower-case hex of SHA-256 over the bytes. */
struct slice vendor_sha256_hex(struct arena *arena, struct slice bytes);

/* What a signature is checked against. Every key is tried, whichever fits; `key_index` becomes the first that does. */
struct vendor_claim {
	unsigned key_types; /* bit t: keys of type t are tried */
	struct slice kid;   /* present: only keys that were given this id */
	bool unnamed;	    /* only keys that were given no id */
	struct slice signed_parts[VENDOR_PARTS_MAX];
	size_t part_count;
	struct slice signature;
};
MUST_CHECK bool vendor_fits(
    struct key *const *keys, size_t key_count, const struct vendor_claim *claim, struct verify_result *result);
/* Sets VERDICT_WRONG: `what` should have been signed. */
void vendor_set_wrong(struct verify_result *result, const char *header, const char *what, size_t key_count);

/* A time as digits: Unix seconds below 10^11, milliseconds from there on (which as seconds is the year 5138). */
MUST_CHECK bool vendor_time_read(struct slice digits, int64_t *seconds);
/* Sets VERDICT_STALE when it is not fresh. */
MUST_CHECK bool vendor_time_check(
    const char *name, int64_t seconds, const struct verify_input *input, struct verify_result *result);

/* The body as a JSON object; JSON_ABSENT when it is none. */
struct json vendor_object(struct slice body);
/* A string member's text or an integer member's digits, where it can be an event id; absent otherwise. `path` may have
 * names of members of members, with dots between. */
struct slice vendor_member_id(struct json object, const char *path, struct arena *arena);
/* The last step: the id is that member of the signed body, or where the body has no such member (or `path` is NULL) the
 * SHA-256 of the body. Sets VERIFIED; NO_ID for a body that is not JSON and a member that is no id. */
void vendor_accept_body(
    const struct verify_input *input, const char *path, struct arena *arena, struct verify_result *result);
void vendor_accept(struct verify_result *result, struct slice id);

/* --- for tests of the parsers ------------------------------------------------------------------------ */

/* A detached JWS (RFC 7515 appendix F) of RS512, in vendor_fireblocks.c. */
struct jws {
	struct slice header; /* as it came, in base64url: this is what is signed */
	struct slice kid, signature;
};
MUST_CHECK bool jws_read_detached(struct arena *arena, struct slice text, struct jws *out);

enum { HOOK0_COVERED_MAX = 64 };

/* Coinbase's signature header, in vendor_coinbase.c. */
struct hook0 {
	struct slice time; /* its digits, which are signed as they came */
	int64_t seconds;
	struct slice covered;		      /* the list of header names, which is signed as it came */
	struct slice body_code, headers_code; /* v0 and v1; at least one is there, and `covered` beside v1 */
};
MUST_CHECK bool hook0_read(struct arena *arena, struct slice text, struct hook0 *out);

#endif
