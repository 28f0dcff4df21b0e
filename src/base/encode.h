/* Text forms of bytes: hexadecimal, base64 (RFC 4648 section 4) and base64url without padding (section 5). */
#ifndef BASE_ENCODE_H
#define BASE_ENCODE_H

#include "base/buf.h"

void hex_append(struct buf *out, struct slice bytes); /* lower case */
void base64_append(struct buf *out, struct slice bytes);
void base64url_append(struct buf *out, struct slice bytes);
/* Strict: no white space, no other alphabet, unused bits zero; padding exact, or (`padding_optional`) left out.
 * Absent slice on error. The result lives in `arena`. */
struct slice base64_decode(struct arena *arena, struct slice text, bool padding_optional);
struct slice base64url_decode(struct arena *arena, struct slice text);
struct slice hex_decode(struct arena *arena, struct slice text);
/* Percent-decoding of a path segment or query value (RFC 3986 section 2.1); `plus_is_space` for queries.
 * Absent slice on a broken escape. */
struct slice percent_decode(struct arena *arena, struct slice text, bool plus_is_space);

#endif
