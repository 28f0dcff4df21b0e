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
write_public(struct call *call, const struct endpoint *endpoint, const struct endpoint_key *sealed)
{
	struct key *key = NULL;
	char id[ID_TEXT_BYTES];
	struct error error = ERROR_NONE;
	if (sealed->type == KEY_HMAC || (sealed->expires.us != 0 && sealed->expires.us <= call->now.us))
		return;
	if (endpoint_key_open(call->api->options.sealer, endpoint->scheme, sealed, &key, &error) == OK)
		key_write_jwk(&call->writer, key, slice_of(id_format(ID_ENDPOINT, endpoint->id.value, id)));
	else
		log_write(
		    call->api->options.log, LOG_ERROR, "endpoint key cannot be opened", "error", error.text, NULL);
	key_unref(key);
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
	for (size_t i = 0; i < request->count; i++)
		for (size_t at = 0; at < request->endpoints[i].key_count; at++)
			write_public(call, &request->endpoints[i], &request->endpoints[i].keys[at]);
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
