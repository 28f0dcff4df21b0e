/* Structured fields (RFC 8941): dictionaries of items and inner lists, which is what signature headers are made of.
 *
 * Stricter than the RFC where that costs no sender anything: a key that comes twice is refused, not overwritten.
 * Bounded: the SFV_ numbers below, and LIMIT_HEADER_BYTES in all. Private to sign. */
#ifndef SIGN_SFV_H
#define SIGN_SFV_H

#include "base/buf.h"

enum { SFV_MEMBERS_MAX = 32, SFV_ITEMS_MAX = 64, SFV_PARAMETERS_MAX = 16 };

enum sfv_type { SFV_INTEGER, SFV_DECIMAL, SFV_STRING, SFV_TOKEN, SFV_BYTES, SFV_BOOLEAN };

struct sfv_value {
	enum sfv_type type;
	int64_t number;	   /* an integer; thousandths of a decimal; 0 or 1 of a boolean */
	struct slice text; /* a string without its escapes, a token, decoded bytes */
};

struct sfv_parameter {
	struct slice key;
	struct sfv_value value;
};

struct sfv_parameters {
	struct sfv_parameter *items;
	size_t count;
};

struct sfv_item {
	struct sfv_value value;
	struct sfv_parameters parameters;
};

struct sfv_member {
	struct slice key;
	bool is_list;
	struct sfv_item *items; /* one for a member that is no inner list */
	size_t count;
	struct sfv_parameters parameters; /* of an inner list */
};

struct sfv_dictionary {
	struct sfv_member *items;
	size_t count;
};

/* RFC 8941 section 4.2.2; false on any error. The result lives in `arena` and in `text`. */
MUST_CHECK bool sfv_parse(struct arena *arena, struct slice text, struct sfv_dictionary *out);
/* NULL when there is none. */
const struct sfv_member *sfv_member(const struct sfv_dictionary *dictionary, struct slice key);
const struct sfv_value *sfv_parameter(const struct sfv_parameters *parameters, const char *key);

/* Serialising, section 4.1: the one form that signer and verifier agree on. */
void sfv_write_string(struct buf *out, struct slice text);
void sfv_write_list(struct buf *out, const struct sfv_member *list);

#endif
