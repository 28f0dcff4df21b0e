/* An endpoint's signing keys: made, read, sealed and opened. What leaves here is sealed or public, but for
 * endpoint_key_open, whose result is the caller's to unref. */
#ifndef SERVER_ENDPOINT_KEYS_H
#define SERVER_ENDPOINT_KEYS_H

#include "server/in.h"

/* Does the scheme sign with such keys? */
bool scheme_takes(enum sign_scheme scheme, enum key_type type);
enum sign_scheme scheme_default(enum payload_style style, enum key_type type);
/* The live key of a new endpoint: read from the secret given, or generated; and the scheme that it signs with.
 * Faults go to the check. */
bool endpoint_key_first(const struct in *in, const struct endpoint_in *given, enum key_type default_type,
    const struct sealer *sealer, struct wall_time now, struct endpoint_key *out, enum sign_scheme *scheme);
/* The next key of an endpoint: read from `text`, or (absent) generated of the same type as the live one. */
bool endpoint_key_next(const struct in *in, const struct endpoint *endpoint, struct slice text,
    const struct sealer *sealer, struct wall_time now, struct endpoint_key *out);
/* store_request.secret_mark of a key that was given beside whatever `of` is the mark of (absent: nothing). */
struct slice endpoint_key_mark(struct arena *arena, const struct sealer *sealer, struct slice of, struct slice text);
MUST_CHECK enum error_code endpoint_key_open(const struct sealer *sealer, enum sign_scheme scheme,
    const struct endpoint_key *sealed, struct key **out, struct error *error);
/* Puts `fresh` first; what was live signs until `until`; what has expired goes. ERR_LIMIT when too many remain. */
MUST_CHECK enum error_code endpoint_keys_rotate(struct endpoint *endpoint, const struct endpoint_key *fresh,
    struct wall_time now, struct wall_time until, struct error *error);

/* The next key of an organisation, generated. */
void organisation_key_next(struct arena *arena, enum key_type type, const struct sealer *sealer, struct wall_time now,
    struct endpoint_key *out);
MUST_CHECK enum error_code organisation_key_open(
    const struct sealer *sealer, const struct endpoint_key *sealed, struct key **out, struct error *error);
/* As endpoint_keys_rotate. */
MUST_CHECK enum error_code organisation_keys_rotate(struct organisation *organisation, const struct endpoint_key *fresh,
    struct wall_time now, struct wall_time until, struct error *error);

#endif
