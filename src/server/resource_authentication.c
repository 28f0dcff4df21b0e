/* How an endpoint is authenticated to: basic credentials, an OAuth2 client, TLS. Replaced as a whole, so that no secret
 * outlives the place that it was given for; secrets go in and never come out. */
#include "model/authentication.h"
#include "server/in.h"
#include "server/resources.h"
#include "transport/tls_identity.h"

enum { AUTHENTICATION_BYTES_MAX = 512 << 10 };

static struct store_request *
request_for(struct call *call, enum store_kind kind)
{
	struct store_request *request = call_request(call, kind);
	request->endpoint_ref = arena_copy(&request->arena, call->params[1]);
	return request;
}

/* --- out --------------------------------------------------------------------------------------------- */

static void
out_basic(struct json_writer *writer, const struct endpoint_authentication *from)
{
	json_key(writer, "basic");
	if (!authentication_is_basic(from)) {
		json_null(writer);
		return;
	}
	json_open(writer, '{');
	json_put_string(writer, "username", from->username);
	json_close(writer);
}

static void
out_oauth2(struct json_writer *writer, const struct endpoint_authentication *from)
{
	json_key(writer, "oauth2");
	if (!authentication_is_oauth2(from)) {
		json_null(writer);
		return;
	}
	json_open(writer, '{');
	json_put_string(writer, "tokenUrl", from->token_url);
	json_put_string(writer, "clientId", from->client_id);
	json_put_string(writer, "scope", from->scope);
	json_put_string(writer, "audience", from->audience);
	json_put_cstring(writer, "clientAuthentication", from->secret_in_body ? "body" : "basic");
	json_put_bool(writer, "endpointTls", from->endpoint_tls);
	json_close(writer);
}

static void
out_tls(struct json_writer *writer, const struct endpoint_authentication *from, struct arena *arena)
{
	struct certificate_facts facts;
	json_key(writer, "tls");
	if (!from->tls) {
		json_null(writer);
		return;
	}
	json_open(writer, '{');
	json_put_string(writer, "clientCertificate", from->certificate);
	json_key(writer, "clientCertificateFacts");
	if (certificate_facts(arena, from->certificate, &facts)) {
		json_open(writer, '{');
		json_put_string(writer, "subject", facts.subject);
		json_put_string(writer, "issuer", facts.issuer);
		out_time(writer, "notBefore", facts.not_before);
		out_time(writer, "notAfter", facts.not_after);
		json_put_cstring(writer, "sha256", facts.fingerprint);
		json_close(writer);
	} else {
		json_null(writer);
	}
	json_put_string(writer, "authorities", from->authorities);
	json_put_cstring(writer, "minimumVersion", from->tls13_only ? "1.3" : "1.2");
	json_close(writer);
}

/* What was seen of the server's certificate. */
static void
out_server(struct json_writer *writer, const struct certificate_times *times)
{
	json_key(writer, "serverCertificate");
	if (times->expires[CERTIFICATE_SERVER].us == 0) {
		json_null(writer);
		return;
	}
	json_open(writer, '{');
	out_time(writer, "notAfter", times->expires[CERTIFICATE_SERVER]);
	out_time(writer, "seenAt", times->seen);
	json_close(writer);
}

static void
finish_shown(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct arena *arena = &call->exchange->arena;
	struct endpoint_authentication from;
	if (!authentication_decode(arena, request->admin->endpoint.authentication, SLICE_NONE, &from)) {
		call_problem(call, 500, "server_error", "The endpoint's authentication cannot be read.");
		return;
	}
	struct certificate_times times = certificates_of(call->api->options.certificates, request->admin->endpoint.id);
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	out_basic(writer, &from);
	out_oauth2(writer, &from);
	out_tls(writer, &from, arena);
	out_server(writer, &times);
	out_time(writer, "updatedAt", from.changed);
	json_close(writer);
	call_end(call, 200);
}

void
authentication_get(struct call *call)
{
	call_submit(call, request_for(call, STORE_ENDPOINT_GET), finish_shown);
}

/* --- in ---------------------------------------------------------------------------------------------- */

/* What becomes of the endpoint: absent where nothing is configured. */
struct replacement {
	struct slice shown, sealed;
	bool tls;
};

static enum error_code
edit_replace(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	(void)arena, (void)existed;
	const struct replacement *replacement = context;
	if (replacement->tls && slice_starts(endpoint->url, SLICE("http:")))
		return error_set(
		    error, ERR_INVALID, "TLS settings are of no use while the endpoint's URL is not https.");
	endpoint->authentication = replacement->shown;
	endpoint->authentication_sealed = replacement->sealed;
	return OK;
}

static struct slice
encode(struct arena *arena, const struct endpoint_authentication *from)
{
	struct buf text;
	buf_init(&text, AUTHENTICATION_BYTES_MAX);
	authentication_encode(from, &text);
	ENSURE(!text.overflow);
	struct slice copy = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return copy;
}

static struct slice
seal(struct arena *arena, const struct sealer *sealer, const struct endpoint_authentication *from)
{
	struct buf secrets, sealed;
	buf_init(&secrets, AUTHENTICATION_BYTES_MAX);
	buf_init(&sealed, AUTHENTICATION_BYTES_MAX + 64);
	authentication_encode_secrets(from, &secrets);
	sealer_seal(sealer, ENDPOINT_AUTHENTICATION_CONTEXT, buf_slice(&secrets), &sealed);
	ENSURE(!secrets.overflow && !sealed.overflow);
	struct slice copy = arena_copy(arena, buf_slice(&sealed));
	explicit_bzero(secrets.data, secrets.len);
	buf_free(&secrets);
	buf_free(&sealed);
	return copy;
}

/* Which secrets these are, and beside them what they are for: a change request tells by it whether it asks for the same. */
static struct slice
mark(struct arena *arena, const struct sealer *sealer, struct endpoint_authentication given)
{
	struct buf text, hex;
	buf_init(&text, 2 * AUTHENTICATION_BYTES_MAX);
	buf_init(&hex, 2 * SHA256_BYTES);
	given.changed = WALL_NONE;
	authentication_encode(&given, &text);
	authentication_encode_secrets(&given, &text);
	ENSURE(!text.overflow);
	sealer_mark(sealer, ENDPOINT_AUTHENTICATION_CONTEXT, buf_slice(&text), &hex);
	struct slice copy = arena_copy(arena, buf_slice(&hex));
	explicit_bzero(text.data, text.len);
	buf_free(&text);
	buf_free(&hex);
	return copy;
}

/* False where nothing is configured. */
static bool
prepare(struct call *call, struct store_request *request, const struct endpoint_authentication *given,
    struct replacement *out)
{
	*out = (struct replacement){.tls = given->tls};
	if (!given->tls && !authentication_is_basic(given) && !authentication_is_oauth2(given))
		return false;
	out->shown = encode(&request->arena, given);
	out->sealed = seal(&request->arena, call->api->options.sealer, given);
	request->admin->secret_mark = mark(&request->arena, call->api->options.sealer, *given);
	return true;
}

void
authentication_put(struct call *call)
{
	struct json body;
	if (!call_body(call, &body))
		return;
	struct store_request *request = request_for(call, STORE_ENDPOINT_EDIT);
	struct in in = {&request->arena, &call->check, false};
	struct endpoint_authentication given;
	authentication_in_read(&in, body, call->api->options.config, call->now, &given);
	if (!call_checked(call, request))
		return;
	struct replacement *replacement = arena_alloc(&request->arena, sizeof *replacement);
	(void)prepare(call, request, &given, replacement);
	request->admin->edit_endpoint = edit_replace;
	request->admin->edit_context = replacement;
	request->audit_action = "endpoint.authentication.update";
	call->invalid = "tls";
	call_submit(call, request, finish_shown);
}

void
authentication_with_new(struct call *call, struct store_request *request, struct json body)
{
	struct member member = {.name = "authentication"};
	struct in in = {&request->arena, &call->check, false};
	struct endpoint_authentication given;
	struct replacement made;
	members_find(body, &member, 1);
	if (member_null(&member))
		return;
	if (member.value.type != JSON_OBJECT) {
		check_fail(in.check, CHECK_DECODE, member.name, "authentication must be an object, not %s.",
		    json_type_name(member.value.type));
		return;
	}
	size_t before = in.check->count;
	authentication_in_read(&in, member.value, call->api->options.config, call->now, &given);
	if (in.check->count > before || !prepare(call, request, &given, &made))
		return;
	request->admin->endpoint.authentication = made.shown;
	request->admin->endpoint.authentication_sealed = made.sealed;
	if (made.tls && slice_present(request->admin->endpoint.url) &&
	    slice_starts(request->admin->endpoint.url, SLICE("http:")))
		check_fail(in.check, CHECK_VALUE, member.name,
		    "TLS settings are of no use while the endpoint's URL is not https.");
}

void
authentication_delete(struct call *call)
{
	struct store_request *request = request_for(call, STORE_ENDPOINT_EDIT);
	struct replacement *replacement = arena_alloc(&request->arena, sizeof *replacement);
	*replacement = (struct replacement){.tls = false};
	request->admin->edit_endpoint = edit_replace;
	request->admin->edit_context = replacement;
	request->audit_action = "endpoint.authentication.delete";
	call_submit(call, request, call_end_empty);
}
