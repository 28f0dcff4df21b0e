/* Vaultbell for receivers in C and C++: verify a webhook's signature over the bytes that arrived.
 *
 *   struct vaultbell_keys *keys = vaultbell_keys_parse(VAULTBELL_STANDARD, text, strlen(text), why, sizeof why);
 *   struct vaultbell_request *request = vaultbell_request_new();
 *   vaultbell_request_add_header(request, "webhook-id", id);            (every header as it came)
 *   vaultbell_request_set_body(request, body, body_bytes);              (the bytes before any parsing)
 *   if (vaultbell_verify(keys, request, time(NULL)) == VAULTBELL_VERIFIED)
 *           handle(vaultbell_event_id(request));
 *   else
 *           answer_401(vaultbell_reason(request));
 *
 * What a receiver still does itself: take each event id once (a sender repeats an event until it is acknowledged,
 * with the same id), and answer 2xx only after the event is stored.
 *
 * Ownership: what a _new or _parse function returns belongs to the caller, who frees it with the matching _free
 * function. Pointers that other functions return are borrowed, as it is said with each of them.
 * Threads: keys never change after they are parsed, so threads may share them. A request belongs to one thread.
 * Memory: when there is none left, the process ends.
 * ABI: handles are opaque and enumerators keep their numbers; functions are added, never changed. */
#ifndef VAULTBELL_H
#define VAULTBELL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) || defined(__clang__)
#define VAULTBELL_API __attribute__((visibility("default")))
#else
#define VAULTBELL_API
#endif

/** How requests are signed. */
enum vaultbell_scheme {
	/** Standard Webhooks 1.0: webhook-id, webhook-timestamp, webhook-signature, or their svix- twins;
	 *  `v1` (HMAC-SHA256) and `v1a` (Ed25519). https://www.standardwebhooks.com */
	VAULTBELL_STANDARD = 0,
	/** HTTP Message Signatures, RFC 9421, with Content-Digest, RFC 9530: ecdsa-p256-sha256, ed25519, hmac-sha256.
	 *  A signature must cover content-digest and webhook-id and carry `created`. */
	VAULTBELL_RFC9421 = 1,
	/** X-Sha2-Signature: hexadecimal HMAC-SHA256 of the body. Signs no time; the event id is `messageId`. */
	VAULTBELL_LEGACY = 2
};

/** What came of verifying. Everything but VAULTBELL_VERIFIED is to be refused: with status 401, or with 400 for
 *  VAULTBELL_NO_ID. */
enum vaultbell_verdict {
	VAULTBELL_VERIFIED = 0,
	VAULTBELL_MISSING = 1,	 /**< a header of the signature is not there */
	VAULTBELL_MALFORMED = 2, /**< the headers are there, but not of the form that the scheme requires */
	VAULTBELL_WRONG = 3,	 /**< no key fits: the body or a signed header was changed, or the key is another */
	VAULTBELL_STALE = 4,	 /**< the signature fits, but its time is more than 5 minutes from now, either way */
	VAULTBELL_NO_ID = 5	 /**< the signature fits, but the body has no `messageId` (legacy) */
};

/** One or more keys of one scheme. Opaque. */
struct vaultbell_keys;

/** A request as it arrived, and after vaultbell_verify what came of it. Opaque. */
struct vaultbell_request;

/** Reads keys, one a line; blank lines and lines that start with `#` are skipped. At most 11.
 *  Forms: standard `whsec_` + base64 of 24 to 75 bytes, `whpk_` + base64 of a 32 byte Ed25519 public key;
 *  rfc9421 these, or one JWK (RFC 7517: EC P-256, OKP Ed25519, oct) a line; legacy 1 to 256 printable ASCII characters.
 *  @param text         the text, `text_bytes` long; it need not end in a NUL, and is not kept
 *  @param reason       where to put one line that says what is wrong, or NULL; never holds a part of a key
 *  @param reason_bytes its size
 *  @return the keys, or NULL when the text is not of this form */
VAULTBELL_API struct vaultbell_keys *vaultbell_keys_parse(
    enum vaultbell_scheme scheme, const char *text, size_t text_bytes, char *reason, size_t reason_bytes);
/** Clears and frees keys. NULL is fine. */
VAULTBELL_API void vaultbell_keys_free(struct vaultbell_keys *keys);
/** How many keys there are. */
VAULTBELL_API size_t vaultbell_keys_count(const struct vaultbell_keys *keys);

/** An empty request. */
VAULTBELL_API struct vaultbell_request *vaultbell_request_new(void);
/** NULL is fine. */
VAULTBELL_API void vaultbell_request_free(struct vaultbell_request *request);
/** Forgets everything, so that the handle serves for the next request. */
VAULTBELL_API void vaultbell_request_clear(struct vaultbell_request *request);

/** Adds a header as it came, in the order in which it came; both strings end in a NUL and are copied.
 *  Names compare without case. A header that comes twice is added twice. At most 256 headers count; a request with
 *  more is malformed. */
VAULTBELL_API void vaultbell_request_add_header(struct vaultbell_request *request, const char *name, const char *value);
/** Adds the headers of a raw block, `Name: value` lines that end in CR LF or LF (RFC 9112 section 5); the request line
 *  must not be part of it, the empty line at the end may. The bytes are copied.
 *  @return 0, or -1 when a line is no header (nothing is added then) */
VAULTBELL_API int vaultbell_request_add_header_block(
    struct vaultbell_request *request, const char *block, size_t block_bytes);
/** The target, which only rfc9421 signs. Strings end in a NUL and are copied; NULL stands for what is not known.
 *  @param method    "POST"
 *  @param authority host and port as in the Host header
 *  @param path      undecoded, as in the request line, without the query
 *  @param query     undecoded, without the `?`; NULL when the request line has no `?` */
VAULTBELL_API void vaultbell_request_set_target(
    struct vaultbell_request *request, const char *method, const char *authority, const char *path, const char *query);
/** The body, byte for byte as it arrived. It is not copied: it must stay as it is until vaultbell_verify returns. */
VAULTBELL_API void vaultbell_request_set_body(struct vaultbell_request *request, const void *body, size_t body_bytes);

/** Verifies a request. Compares in constant time, tries every key, reads no clock and keeps no state.
 *  @param unix_seconds the current time, from time(NULL) */
VAULTBELL_API enum vaultbell_verdict vaultbell_verify(
    const struct vaultbell_keys *keys, struct vaultbell_request *request, int64_t unix_seconds);

/** The id of the verified event, which the signature covers: the same on every attempt. NULL unless the last
 *  vaultbell_verify said VAULTBELL_VERIFIED. Borrowed until the request is cleared, verified again or freed. */
VAULTBELL_API const char *vaultbell_event_id(const struct vaultbell_request *request);
/** One line that says what was expected; no secrets and nothing of the body. Borrowed like the event id; never NULL. */
VAULTBELL_API const char *vaultbell_reason(const struct vaultbell_request *request);
/** The index of the key that fitted, counted from 0 in the order of the text; meaningful when verified or stale. */
VAULTBELL_API size_t vaultbell_key_index(const struct vaultbell_request *request);

/** "verified", "missing", "malformed", "wrong", "stale" or "no_id"; "unknown" for other numbers. Static. */
VAULTBELL_API const char *vaultbell_verdict_name(enum vaultbell_verdict verdict);
/** The library's version, "0.1.0". Static. */
VAULTBELL_API const char *vaultbell_version(void);

#ifdef __cplusplus
}
#endif

#endif
