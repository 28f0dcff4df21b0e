/* How an endpoint is authenticated to, beside the signature: basic credentials or an OAuth2 client, and what it asks of
 * TLS. Kept in the endpoint's document in two parts: what may be shown (struct endpoint, `authentication`), a JSON object,
 * and the secrets (`authentication_sealed`), a JSON object that is sealed for ENDPOINT_AUTHENTICATION_CONTEXT.
 *
 * What this is not: judging certificates (transport/tls_identity.h), or using any of it (deliver/credentials.h). */
#ifndef MODEL_AUTHENTICATION_H
#define MODEL_AUTHENTICATION_H

#include "base/clock.h"
#include "json/json.h"

#define ENDPOINT_AUTHENTICATION_CONTEXT SLICE("endpoint-authentication")

/* Absent members are not configured. All slices are borrowed. */
struct endpoint_authentication {
	/* basic (RFC 7617) */
	struct slice username, password;
	/* OAuth2 client credentials (RFC 6749 section 4.4) */
	struct slice token_url, client_id, client_secret, scope, audience;
	bool secret_in_body; /* the client's credentials go into the body, and not into an Authorization header */
	bool endpoint_tls;   /* the token URL is reached with the endpoint's TLS settings */
	/* TLS, in PEM */
	bool tls; /* one of these is set */
	struct slice certificate, key, authorities;
	bool tls13_only;
	struct wall_time changed;
};

static inline bool
authentication_is_basic(const struct endpoint_authentication *authentication)
{
	return slice_present(authentication->username);
}

static inline bool
authentication_is_oauth2(const struct endpoint_authentication *authentication)
{
	return slice_present(authentication->token_url);
}

void authentication_encode(const struct endpoint_authentication *authentication, struct buf *shown);
void authentication_encode_secrets(const struct endpoint_authentication *authentication, struct buf *secrets);
/* For the audit log: certificates, which are long and hold nothing secret, as their digests. */
void authentication_describe(struct slice shown, struct buf *out);
/* Both as they were encoded; `secrets` may be absent. Slices live in the arena. False: not ours. */
MUST_CHECK bool authentication_decode(
    struct arena *arena, struct slice shown, struct slice secrets, struct endpoint_authentication *out);

#endif
