/* The contract of a scheme, and what several schemes need. Private to sign. */
#ifndef SIGN_SCHEME_H
#define SIGN_SCHEME_H

#include "sign/key.h"

/* A scheme's table. scheme.c has checked before `sign` is called that there are keys, that each of them is of
 * `key_types` and can sign, and that the id is one; `verify` gets an empty result and must set the verdict. */
struct scheme {
	const char *name;
	unsigned key_types; /* bit t: keys of type t fit */
	bool signs_id;
	bool names_keys; /* a signature names its key, so every key must have an id */
	/* NULL: received only. */
	enum error_code (*sign)(struct key *const *keys, size_t key_count, const struct sign_input *input,
	    struct arena *arena, struct http_headers *headers, struct error *error);
	void (*verify)(struct key *const *keys, size_t key_count, const struct verify_input *input, struct arena *arena,
	    struct verify_result *result);
};

extern const struct scheme scheme_standard, scheme_rfc9421, scheme_legacy;
extern const struct scheme scheme_fireblocks, scheme_bitgo, scheme_dfns, scheme_fordefi, scheme_copper, scheme_cobo,
    scheme_ripple, scheme_circle, scheme_coinbase, scheme_hmac;

const struct scheme *scheme_of(enum sign_scheme scheme);

/* The first header of that name (in any case), absent without one; `*count` says how many there are. */
struct slice header_find(const struct http_headers *headers, const char *name, size_t *count);
void header_add(struct http_headers *headers, const char *name, struct slice value);

/* 1 to 256 bytes of visible ASCII. */
bool event_id_valid(struct slice id);
void verdict_set(struct verify_result *result, enum verdict verdict, const char *format, ...) PRINTF_LIKE(3, 4);
/* Whether `seconds` (Unix time) is within LIMIT_TIMESTAMP_SKEW_S of now, both ends included. */
bool time_fresh(int64_t seconds, struct wall_time now);
bool any_key_of(struct key *const *keys, size_t key_count, enum key_type type);

#endif
