/* EndpointAuthenticationIn: how an endpoint is authenticated to. Secrets are read here and leave sealed. */
#include "model/authentication.h"
#include "server/in.h"
#include "transport/tls_identity.h"

enum { CREDENTIAL_BYTES_MAX = 1024, SECRET_BYTES_MAX = 4096, SCOPE_BYTES_MAX = 2048, TOKEN_URL_BYTES_MAX = 2048 };

/* An object, or nothing; `check.within` is its name from here on when there is one. */
static bool
open_object(const struct in *in, const struct member *member)
{
	if (member_null(member))
		return false;
	if (member->value.type != JSON_OBJECT) {
		check_fail(in->check, CHECK_DECODE, member->name, "%s must be an object, not %s.", member->name,
		    json_type_name(member->value.type));
		return false;
	}
	in->check->within = member->name;
	return true;
}

/* No control characters (RFC 7617 section 2), and at least one byte. */
static void
read_printable(const struct in *in, const struct member *member, size_t bytes_max, struct slice *out)
{
	struct slice text = SLICE_NONE;
	if (!in_text(in, member, bytes_max, &text))
		return;
	bool good = text.len > 0;
	for (size_t i = 0; good && i < text.len; i++)
		good = (unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f;
	if (good)
		*out = text;
	else
		check_fail(in->check, CHECK_VALUE, member->name,
		    "%s must not be empty and must not hold control characters.", member->name);
}

static void
read_basic(const struct in *in, const struct member *member, struct endpoint_authentication *out)
{
	if (!open_object(in, member))
		return;
	struct member m[] = {{.name = "username"}, {.name = "password"}};
	members_find(member->value, m, COUNT_OF(m));
	in_required(in, &m[0]);
	in_required(in, &m[1]);
	read_printable(in, &m[0], CREDENTIAL_BYTES_MAX, &out->username);
	read_printable(in, &m[1], CREDENTIAL_BYTES_MAX, &out->password);
	if (slice_present(out->username) && memchr(out->username.ptr, ':', out->username.len) != NULL)
		check_fail(in->check, CHECK_VALUE, "username", "username must not hold a colon.");
	in->check->within = NULL;
}

static void
read_token_url(
    const struct in *in, const struct member *member, const struct config *config, struct endpoint_authentication *out)
{
	struct slice text = SLICE_NONE;
	const char *reason = NULL;
	in_required(in, member);
	if (!in_text(in, member, TOKEN_URL_BYTES_MAX, &text))
		return;
	struct slice url = url_normalise(in->arena, text, &reason);
	if (!slice_present(url))
		check_fail(in->check, CHECK_VALUE, member->name, "tokenUrl cannot be used: %s.", reason);
	else if (slice_starts(url, SLICE("http:")) && (!config->delivery_allow_http || config->delivery_https_only))
		check_fail(in->check, CHECK_VALUE, member->name, "tokenUrl must start with https:// on this server.");
	else
		out->token_url = url;
}

static void
read_oauth2(
    const struct in *in, const struct member *member, const struct config *config, struct endpoint_authentication *out)
{
	if (!open_object(in, member))
		return;
	enum { URL, ID, SECRET, SCOPE, AUDIENCE, HOW, TLS };
	struct member m[] = {{.name = "tokenUrl"}, {.name = "clientId"}, {.name = "clientSecret"}, {.name = "scope"},
	    {.name = "audience"}, {.name = "clientAuthentication"}, {.name = "endpointTls"}};
	members_find(member->value, m, COUNT_OF(m));
	read_token_url(in, &m[URL], config, out);
	in_required(in, &m[ID]);
	in_required(in, &m[SECRET]);
	read_printable(in, &m[ID], CREDENTIAL_BYTES_MAX, &out->client_id);
	read_printable(in, &m[SECRET], SECRET_BYTES_MAX, &out->client_secret);
	read_printable(in, &m[SCOPE], SCOPE_BYTES_MAX, &out->scope);
	read_printable(in, &m[AUDIENCE], SCOPE_BYTES_MAX, &out->audience);
	struct slice how = SLICE_NONE;
	if (in_text(in, &m[HOW], SIZE_MAX, &how) && !slice_is(how, "basic") && !slice_is(how, "body"))
		check_fail(in->check, CHECK_VALUE, m[HOW].name, "clientAuthentication must be basic or body.");
	out->secret_in_body = slice_is(how, "body");
	(void)in_bool(in, &m[TLS], &out->endpoint_tls);
	in->check->within = NULL;
}

static void
read_version(const struct in *in, const struct member *member, struct endpoint_authentication *out)
{
	struct slice version = SLICE_NONE;
	if (in_text(in, member, SIZE_MAX, &version) && !slice_is(version, "1.2") && !slice_is(version, "1.3"))
		check_fail(in->check, CHECK_VALUE, member->name, "minimumVersion must be 1.2 or 1.3.");
	out->tls13_only = slice_is(version, "1.3");
}

/* What belongs together does, and nothing has expired: a mistake shows here and not with the next event. */
static void
judge_tls(const struct in *in, const struct endpoint_authentication *from, struct wall_time now)
{
	struct tls_identity *identity = NULL;
	struct error error = ERROR_NONE;
	struct certificate_facts facts;
	const struct tls_identity_options options = {.certificate = from->certificate,
	    .key = from->key,
	    .authorities = from->authorities,
	    .tls13_only = from->tls13_only};
	if (tls_identity_new(&options, &identity, &error) != OK)
		check_fail(in->check, CHECK_VALUE, NULL, "These TLS settings cannot be used: %s.", error.text);
	else if (tls_identity_expires(identity).us != 0 && tls_identity_expires(identity).us <= now.us)
		check_fail(in->check, CHECK_VALUE, "clientCertificate", "The client certificate has expired.");
	else if (slice_present(from->certificate) && certificate_facts(in->arena, from->certificate, &facts) &&
		 facts.not_before.us > now.us)
		check_fail(in->check, CHECK_VALUE, "clientCertificate", "The client certificate is not valid yet.");
	tls_identity_unref(identity);
}

/* These are shown again, so a key that stands among them is refused. */
static void
read_certificates(const struct in *in, const struct member *member, struct slice *out)
{
	static const char key[] = "PRIVATE KEY-----";
	struct slice text = SLICE_NONE;
	if (!in_text(in, member, TLS_IDENTITY_PEM_BYTES, &text))
		return;
	if (memmem(text.ptr, text.len, key, sizeof key - 1) != NULL)
		check_fail(in->check, CHECK_VALUE, member->name,
		    "%s must hold certificates only; a private key goes into clientKey.", member->name);
	else
		*out = text;
}

static void
read_tls(const struct in *in, const struct member *member, struct wall_time now, struct endpoint_authentication *out)
{
	if (!open_object(in, member))
		return;
	enum { CERTIFICATE, KEY, AUTHORITIES, VERSION };
	struct member m[] = {
	    {.name = "clientCertificate"}, {.name = "clientKey"}, {.name = "authorities"}, {.name = "minimumVersion"}};
	members_find(member->value, m, COUNT_OF(m));
	size_t before = in->check->count;
	read_certificates(in, &m[CERTIFICATE], &out->certificate);
	(void)in_text(in, &m[KEY], TLS_IDENTITY_PEM_BYTES, &out->key);
	read_certificates(in, &m[AUTHORITIES], &out->authorities);
	read_version(in, &m[VERSION], out);
	out->tls = true;
	if (in->check->count == before)
		judge_tls(in, out, now);
	in->check->within = NULL;
}

void
authentication_in_read(const struct in *in, struct json object, const struct config *config, struct wall_time now,
    struct endpoint_authentication *out)
{
	enum { BASIC, OAUTH2, TLS };
	struct member m[] = {{.name = "basic"}, {.name = "oauth2"}, {.name = "tls"}};
	*out = (struct endpoint_authentication){.changed = now};
	members_find(object, m, COUNT_OF(m));
	read_basic(in, &m[BASIC], out);
	read_oauth2(in, &m[OAUTH2], config, out);
	read_tls(in, &m[TLS], now, out);
	if (!member_null(&m[BASIC]) && !member_null(&m[OAUTH2]))
		check_fail(in->check, CHECK_VALUE, "oauth2",
		    "An endpoint has basic credentials or an OAuth2 client, not both.");
}
