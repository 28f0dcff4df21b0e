#include "deliver/credentials.h"

#include "base/encode.h"
#include "model/authentication.h"
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>

enum { AUTHORIZATION_BYTES = 8 << 10 };

/* RFC 7617 section 2. */
static void
make_basic(struct credentials *credentials, const struct endpoint_authentication *from)
{
	struct buf plain, text;
	buf_init(&plain, AUTHORIZATION_BYTES);
	buf_init(&text, 2 * AUTHORIZATION_BYTES);
	buf_append(&plain, from->username);
	buf_byte(&plain, ':');
	buf_append(&plain, slice_present(from->password) ? from->password : SLICE(""));
	buf_text(&text, "Basic ");
	base64_append(&text, buf_slice(&plain));
	credentials->authorization = arena_copy(&credentials->arena, buf_slice(&text));
	explicit_bzero(plain.data, plain.len);
	explicit_bzero(text.data, text.len);
	buf_free(&plain);
	buf_free(&text);
}

static void
make(struct credentials *credentials, const struct endpoint *endpoint, const struct endpoint_authentication *from)
{
	struct error error = ERROR_NONE;
	if (from->tls) {
		const struct tls_identity_options options = {
		    .party = endpoint->organisation.value,
		    .certificate = from->certificate,
		    .key = from->key,
		    .authorities = from->authorities,
		    .tls13_only = from->tls13_only,
		};
		if (tls_identity_new(&options, &credentials->identity, &error) != OK) {
			snprintf(credentials->problem, sizeof credentials->problem,
			    "the endpoint's TLS settings cannot be used: %.70s", error.text);
			return;
		}
	}
	if (authentication_is_basic(from))
		make_basic(credentials, from);
	if (authentication_is_oauth2(from))
		credentials->oauth = oauth_new(from);
}

struct credentials *
credentials_new(const struct endpoint *endpoint, const struct sealer *sealer)
{
	if (!slice_present(endpoint->authentication))
		return NULL;
	struct credentials *credentials = mem_zero(1, sizeof *credentials);
	credentials->references = 1;
	credentials->shown = arena_copy(&credentials->arena, endpoint->authentication);
	credentials->sealed = arena_copy(&credentials->arena, endpoint->authentication_sealed);
	struct secret secrets = {NULL, 0};
	struct error error = ERROR_NONE;
	struct arena arena = ARENA_EMPTY;
	struct endpoint_authentication from;
	if (slice_present(endpoint->authentication_sealed) &&
	    sealer_open_sealed(
		sealer, ENDPOINT_AUTHENTICATION_CONTEXT, endpoint->authentication_sealed, &secrets, &error) != OK)
		snprintf(credentials->problem, sizeof credentials->problem,
		    "the endpoint's authentication cannot be opened: is it another master key?");
	else if (!authentication_decode(
		     &arena, credentials->shown, secrets.bytes == NULL ? SLICE_NONE : secret_reveal(&secrets), &from))
		snprintf(credentials->problem, sizeof credentials->problem,
		    "the endpoint's authentication is not as we write it");
	else
		make(credentials, endpoint, &from);
	secret_free(&secrets);
	arena_free(&arena);
	return credentials;
}

struct credentials *
credentials_ref(struct credentials *credentials)
{
	credentials->references++;
	return credentials;
}

void
credentials_unref(struct credentials *credentials)
{
	if (credentials == NULL || --credentials->references > 0)
		return;
	oauth_free(credentials->oauth);
	tls_identity_unref(credentials->identity);
	arena_free(&credentials->arena);
	free(credentials);
}

bool
credentials_are_of(const struct credentials *credentials, const struct endpoint *endpoint)
{
	if (credentials == NULL)
		return !slice_present(endpoint->authentication);
	return slice_present(endpoint->authentication) && slice_equal(credentials->shown, endpoint->authentication) &&
	       slice_equal(credentials->sealed, endpoint->authentication_sealed);
}

struct tls_identity *
credentials_identity(const struct credentials *credentials)
{
	return credentials == NULL ? NULL : credentials->identity;
}
