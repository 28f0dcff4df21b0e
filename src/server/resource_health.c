/* Health, and the public keys. */
#include "server/endpoint_keys.h"
#include "server/resources.h"

enum { JWKS_KEPT_US = 5000000 };

/* Answers only what passed through the store: a store that hangs makes the answer late, which is what a load
 * balancer is to see. */
static void
finish_health(struct call *call, struct store_request *request)
{
	if (request->status != OK) {
		call_answer(call, 500,
		    SLICE("{\"database\":{\"status\":\"error\"},\"queue\":{\"status\":\"ok\"},\"cache\":{\"status\":"
			  "\"ok\"}}"));
		return;
	}
	call_answer(call, 200,
	    SLICE("{\"database\":{\"status\":\"ok\"},\"queue\":{\"status\":\"ok\"},\"cache\":{\"status\":\"ok\"}}"));
}

void
health_get(struct call *call)
{
	struct store_request *request = call_request(call, STORE_ORGANISATION_LIST);
	request->page.limit = 1;
	call_submit(call, request, finish_health);
}

void
health_ping(struct call *call)
{
	call_answer(call, 204, SLICE(""));
}

/* Writes the public half of a key that is not shared; what cannot be opened is left out and logged. */
static void
write_public(struct call *call, enum sign_scheme scheme, const struct endpoint_key *sealed, const char *owner)
{
	struct key *key = NULL;
	struct error error = ERROR_NONE;
	if (sealed->type == KEY_HMAC || (sealed->expires.us != 0 && sealed->expires.us <= call->now.us))
		return;
	if (endpoint_key_open(call->api->options.sealer, scheme, sealed, &key, &error) == OK)
		key_write_jwk(&call->writer, key, slice_of(owner));
	else
		log_write(call->api->options.log, LOG_ERROR, "signing key cannot be opened", "error", error.text, NULL);
	key_unref(key);
}

static void
write_all(struct call *call, const struct store_request *request)
{
	char owner[ID_TEXT_BYTES];
	for (size_t i = 0; i < request->count; i++) {
		const struct endpoint *endpoint = &request->endpoints[i];
		if (endpoint->key_scope != KEY_SCOPE_ENDPOINT)
			continue;
		(void)id_format(ID_ENDPOINT, endpoint->id.value, owner);
		for (size_t at = 0; at < endpoint->key_count; at++)
			write_public(call, endpoint->scheme, &endpoint->keys[at], owner);
	}
	for (size_t i = 0; i < request->admin->signer_count; i++) {
		const struct organisation *organisation = &request->admin->signers[i];
		(void)id_format(ID_ORGANISATION, organisation->id.value, owner);
		for (size_t at = 0; at < organisation->key_count; at++) {
			const struct endpoint_key *key = &organisation->keys[at];
			write_public(call, scheme_default(PAYLOAD_RAW, key->type), key, owner);
		}
	}
}

static void
finish_jwks(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	json_key(writer, "keys");
	json_open(writer, '[');
	write_all(call, request);
	json_close(writer);
	json_close(writer);
	struct api *api = call->api;
	buf_clear(&api->jwks);
	buf_append(&api->jwks, buf_slice(&api->out));
	api->jwks_written = api->out.overflow ? WALL_NONE : call->now;
	call_end(call, 200);
}

void
health_jwks(struct call *call)
{
	const struct api *api = call->api;
	int64_t age_us = call->now.us - api->jwks_written.us;
	if (api->jwks_written.us != 0 && age_us >= 0 && age_us < JWKS_KEPT_US)
		call_answer(call, 200, buf_slice(&api->jwks));
	else
		call_submit(call, call_request(call, STORE_ENDPOINTS_ALL), finish_jwks);
}
