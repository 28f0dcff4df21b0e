#include "model/authentication.h"

#include "base/encode.h"
#include "base/limits.h"
#include "sign/sign.h"

static void
put(struct json_writer *w, const char *name, struct slice value)
{
	if (slice_present(value))
		json_put_string(w, name, value);
}

static void
encode_oauth2(const struct endpoint_authentication *from, struct json_writer *w)
{
	json_key(w, "oauth2");
	json_open(w, '{');
	put(w, "tokenUrl", from->token_url);
	put(w, "clientId", from->client_id);
	put(w, "scope", from->scope);
	put(w, "audience", from->audience);
	json_put_cstring(w, "clientAuthentication", from->secret_in_body ? "body" : "basic");
	json_put_bool(w, "endpointTls", from->endpoint_tls);
	json_close(w);
}

static void
encode_tls(const struct endpoint_authentication *from, struct json_writer *w)
{
	json_key(w, "tls");
	json_open(w, '{');
	put(w, "clientCertificate", from->certificate);
	put(w, "authorities", from->authorities);
	json_put_cstring(w, "minimumVersion", from->tls13_only ? "1.3" : "1.2");
	json_close(w);
}

void
authentication_encode(const struct endpoint_authentication *from, struct buf *shown)
{
	struct json_writer w;
	json_writer_init(&w, shown);
	json_open(&w, '{');
	if (authentication_is_basic(from)) {
		json_key(&w, "basic");
		json_open(&w, '{');
		put(&w, "username", from->username);
		json_close(&w);
	}
	if (authentication_is_oauth2(from))
		encode_oauth2(from, &w);
	if (from->tls)
		encode_tls(from, &w);
	json_put_integer(&w, "changed", from->changed.us);
	json_close(&w);
}

void
authentication_encode_secrets(const struct endpoint_authentication *from, struct buf *secrets)
{
	struct json_writer w;
	json_writer_init(&w, secrets);
	json_open(&w, '{');
	put(&w, "password", from->password);
	put(&w, "clientSecret", from->client_secret);
	put(&w, "clientKey", from->key);
	json_close(&w);
}

/* --- the audit log's form ------------------------------------------------------------------------------- */

static struct slice
digest_of(struct arena *arena, struct slice text)
{
	if (!slice_present(text))
		return SLICE_NONE;
	unsigned char digest[SHA256_BYTES];
	sha256(text, digest);
	struct buf hex;
	buf_init(&hex, 2 * SHA256_BYTES);
	hex_append(&hex, (struct slice){(const char *)digest, sizeof digest});
	struct slice out = arena_printf(arena, "sha256:%.*s", SLICE_ARG(buf_slice(&hex)));
	buf_free(&hex);
	return out;
}

void
authentication_describe(struct slice shown, struct buf *out)
{
	struct arena arena = ARENA_EMPTY;
	struct endpoint_authentication authentication;
	if (authentication_decode(&arena, shown, SLICE_NONE, &authentication)) {
		authentication.certificate = digest_of(&arena, authentication.certificate);
		authentication.authorities = digest_of(&arena, authentication.authorities);
		authentication_encode(&authentication, out);
	} else {
		buf_text(out, "{}");
	}
	arena_free(&arena);
}

/* --- reading -------------------------------------------------------------------------------------------- */

static struct json
member(struct json object, const char *name)
{
	return json_present(object) && object.type == JSON_OBJECT ? json_member(object, name) : JSON_ABSENT;
}

static struct slice
text(struct arena *arena, struct json object, const char *name)
{
	struct json value = member(object, name);
	return json_present(value) && value.type == JSON_STRING ? json_text(arena, value) : SLICE_NONE;
}

static bool
parse(struct slice doc, struct json *out)
{
	*out = JSON_ABSENT;
	return !slice_present(doc) || (json_parse(doc, LIMIT_JSON_DEPTH, out, NULL) == OK && out->type == JSON_OBJECT);
}

bool
authentication_decode(
    struct arena *arena, struct slice shown, struct slice secrets, struct endpoint_authentication *out)
{
	struct json doc, hidden;
	*out = (struct endpoint_authentication){.tls = false};
	if (!parse(shown, &doc) || !parse(secrets, &hidden))
		return false;
	struct json basic = member(doc, "basic"), oauth2 = member(doc, "oauth2"), tls = member(doc, "tls");
	int64_t changed = 0;
	struct json when = member(doc, "changed");
	if (json_present(when) && !json_int64(when, &changed))
		return false;
	*out = (struct endpoint_authentication){
	    .username = text(arena, basic, "username"),
	    .password = text(arena, hidden, "password"),
	    .token_url = text(arena, oauth2, "tokenUrl"),
	    .client_id = text(arena, oauth2, "clientId"),
	    .client_secret = text(arena, hidden, "clientSecret"),
	    .scope = text(arena, oauth2, "scope"),
	    .audience = text(arena, oauth2, "audience"),
	    .secret_in_body = slice_is(text(arena, oauth2, "clientAuthentication"), "body"),
	    .endpoint_tls = member(oauth2, "endpointTls").type == JSON_TRUE,
	    .tls = json_present(tls),
	    .certificate = text(arena, tls, "clientCertificate"),
	    .key = text(arena, hidden, "clientKey"),
	    .authorities = text(arena, tls, "authorities"),
	    .tls13_only = slice_is(text(arena, tls, "minimumVersion"), "1.3"),
	    .changed = {changed},
	};
	return true;
}
