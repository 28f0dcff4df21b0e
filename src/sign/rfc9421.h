/* The signature base of HTTP Message Signatures (RFC 9421 section 2.5), and the fields it is made from.
 * Private to sign. */
#ifndef SIGN_RFC9421_H
#define SIGN_RFC9421_H

#include "sign/scheme.h"
#include "sign/sfv.h"

enum { SIGNATURE_BASE_MAX = 512 << 10 };

/* A field's value as section 2.1 has it: every line trimmed and unfolded, joined by ", ". Absent without the field,
 * and when a value has a control character. In `arena`. */
struct slice field_value(const struct http_headers *headers, struct slice name, struct arena *arena);

/* One line of the base, with the line feed. */
void base_line(struct buf *out, struct slice name, struct slice value);
/* The name on the last line, behind which the list of components and the parameters stand. */
void base_params_begin(struct buf *out);

/* Appends the base for what `covered` lists. False with the verdict set when a component is unknown, comes twice, has
 * parameters, or is not in the request. */
MUST_CHECK bool signature_base(const struct verify_input *input, const struct sfv_member *covered, struct arena *arena,
    struct buf *out, struct verify_result *result);

#endif
