#include "deliver/compose.h"

#include "base/encode.h"
#include "model/versions.h"

enum { HEADERS_OWN_MAX = 16 };

static void
add(struct http_headers *headers, const char *name, struct slice value)
{
	headers->items[headers->count++] = (struct http_header){slice_of(name), value};
}

/* --- bodies ----------------------------------------------------------------------------------------- */

struct slice
compose_id(struct arena *arena, const struct message *message)
{
	if (slice_present(message->webhook_id))
		return message->webhook_id;
	char text[ID_TEXT_BYTES];
	return arena_copy(arena, slice_of(id_format(ID_MESSAGE, message->id.value, text)));
}

/* A UUID (RFC 9562 version 8: custom) that depends on the message alone. */
static struct slice
message_uuid(struct arena *arena, const struct message *message)
{
	char text[ID_TEXT_BYTES];
	unsigned char hash[SHA256_BYTES];
	sha256(slice_of(id_format(ID_MESSAGE, message->id.value, text)), hash);
	hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x80);
	hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80);
	struct buf hex;
	buf_init(&hex, 64);
	hex_append(&hex, (struct slice){(const char *)hash, 16});
	struct slice uuid = arena_printf(
	    arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex.data, hex.data + 8, hex.data + 12, hex.data + 16, hex.data + 20);
	buf_free(&hex);
	return uuid;
}

static bool
is_legacy_envelope(struct json payload)
{
	return payload.type == JSON_OBJECT && json_member(payload, "messageId").type == JSON_STRING &&
	       json_present(json_member(payload, "messageId")) && json_present(json_member(payload, "payload")) &&
	       json_present(json_member(payload, "isoTimestamp"));
}

/* The platform's first-generation envelope. A payload that has its form already is sent as it is. */
static struct slice
legacy_body(struct arena *arena, const struct message *message, struct slice data)
{
	struct json payload;
	if (json_parse(data, LIMIT_JSON_DEPTH, &payload, NULL) != OK || is_legacy_envelope(payload))
		return data;
	struct buf out;
	buf_init(&out, data.len + 1024);
	struct json_writer w;
	json_writer_init(&w, &out);
	char time[TIME_TEXT_BYTES];
	json_open(&w, '{');
	json_put_string(&w, "messageId", message_uuid(arena, message));
	json_put_cstring(&w, "version", "1.0.0");
	json_put_string(&w, "type", message->event_type);
	json_put_integer(&w, "timestamp", message->created.us / 1000);
	json_put_cstring(&w, "isoTimestamp", time_format(message->created, 3, time));
	json_key(&w, "payload");
	json_raw(&w, data);
	json_close(&w);
	struct slice body = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return body;
}

/* A raw payload is any text. One that is no JSON becomes a string: as it is it could say another organisation, or
 * environment, behind ours. */
static void
put_data(struct json_writer *writer, struct slice data)
{
	struct json json;
	json_key(writer, "data");
	if (json_parse(data, LIMIT_JSON_DEPTH, &json, NULL) == OK)
		json_raw(writer, data);
	else
		json_string(writer, data);
}

/* Identifiers only: what a receiver needs to ask for the rest; and the payload, unless it is absent. `version` is told of
 * what was posted in several. */
static struct slice
thin_body(struct arena *arena, enum environment environment, const struct message *message, int32_t version,
    struct slice data)
{
	struct buf out;
	/* A byte is six at most when it is escaped. */
	buf_init(&out, 6 * data.len + 2048);
	struct json_writer w;
	json_writer_init(&w, &out);
	char time[TIME_TEXT_BYTES], organisation[ID_TEXT_BYTES];
	json_open(&w, '{');
	json_put_string(&w, "id", compose_id(arena, message));
	json_put_string(&w, "type", message->event_type);
	json_put_cstring(&w, "environment", environment_name(environment));
	if (message->test)
		json_put_bool(&w, "test", true);
	json_put_cstring(&w, "organisation", id_format(ID_ORGANISATION, message->organisation.value, organisation));
	json_put_cstring(&w, "created_at", time_format(message->created, 3, time));
	if (slice_present(message->versions))
		json_put_integer(&w, "version", version);
	if (slice_present(data))
		put_data(&w, data);
	json_close(&w);
	struct slice body = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return body;
}

struct slice
compose_body(struct arena *arena, enum payload_style style, int32_t version, enum environment environment,
    const struct message *message)
{
	int32_t number;
	struct slice data = versions_pick(message, version, &number);
	switch (style) {
	case PAYLOAD_RAW: return data;
	case PAYLOAD_ENVELOPE: return thin_body(arena, environment, message, number, data);
	case PAYLOAD_THIN: return thin_body(arena, environment, message, number, SLICE_NONE);
	case PAYLOAD_LEGACY: return legacy_body(arena, message, data);
	case PAYLOAD_STYLE_COUNT: break;
	}
	UNREACHABLE();
}

/* --- order ------------------------------------------------------------------------------------------ */

static struct json
member_of(struct json object, const char *name)
{
	return json_present(object) && object.type == JSON_OBJECT ? json_member(object, name) : JSON_ABSENT;
}

int64_t
compose_resource_key(const struct message *message)
{
	struct json payload;
	if (!slice_present(message->payload) || json_parse(message->payload, LIMIT_JSON_DEPTH, &payload, NULL) != OK)
		return 0;
	struct json id = member_of(member_of(payload, "resource"), "id");
	if (!json_present(id))
		id = member_of(member_of(payload, "data"), "transaction_id");
	if (!json_present(id))
		id = member_of(member_of(payload, "payload"), "requestId");
	if (!json_present(id))
		return 0;
	unsigned char hash[SHA256_BYTES];
	sha256(id.raw, hash);
	int64_t key;
	memcpy(&key, hash, sizeof key);
	return key;
}

/* --- headers ---------------------------------------------------------------------------------------- */

enum error_code
compose(const struct compose_input *input, struct transmission *out, struct error *error)
{
	const struct target *target = input->target;
	struct arena *arena = &out->arena;
	size_t room = HEADERS_OWN_MAX + SIGN_HEADERS_MAX + target->custom.count;
	out->headers = (struct http_headers){arena_alloc(arena, room * sizeof out->headers.items[0]), 0};
	out->url = arena_copy(arena, target->url);
	bool verbatim = input->forward || input->kind == COMPOSE_HEARTBEAT;
	out->body = verbatim ? input->message->payload
			     : compose_body(arena, target->style, target->version, target->environment, input->message);
	out->own_destination = input->forward;
	out->party = target->organisation.value;
	out->identity = credentials_identity(target->credentials);
	bool legacy = !input->forward && target->scheme == SCHEME_LEGACY;
	add(&out->headers, "content-type", SLICE("application/json"));
	bool pulled = input->kind == COMPOSE_PULLED;
	if (!pulled)
		add(&out->headers, "user-agent",
		    legacy ? SLICE("TrustVaultWebHook") : SLICE("Vaultbell/" VAULTBELL_VERSION));
	struct slice sequence = SLICE_NONE, id = compose_id(arena, input->message);
	if (input->kind != COMPOSE_HEARTBEAT)
		sequence = arena_printf(arena, "%lld", (long long)input->sequence);
	if (!legacy && slice_present(sequence))
		add(&out->headers, "vaultbell-sequence", sequence);
	if (!legacy && input->kind == COMPOSE_DELIVERY)
		add(&out->headers, "vaultbell-attempt", arena_printf(arena, "%d", input->number));
	if (!legacy && input->kind == COMPOSE_DELIVERY && input->message->test)
		add(&out->headers, "vaultbell-test", SLICE("true"));
	bool authorised = slice_present(input->authorization) && !pulled;
	if (authorised)
		add(&out->headers, "authorization", arena_copy(arena, input->authorization));
	for (size_t i = 0; i < target->custom.count && !pulled; i++) {
		/* What the endpoint's authentication says goes before a custom header of that name. */
		if (authorised && slice_equal_nocase(target->custom.items[i].name, SLICE("authorization")))
			continue;
		out->headers.items[out->headers.count++] = (struct http_header){
		    arena_copy(arena, target->custom.items[i].name), arena_copy(arena, target->custom.items[i].value)};
	}
	if (input->forward) {
		add(&out->headers, "webhook-id", id);
		return OK;
	}
	if (target->problem[0] != '\0')
		return error_set(error, ERR_INVALID, "%s", target->problem);
	struct key *keys[LIMIT_SECRETS];
	size_t key_count = target_keys(target, input->now, keys);
	struct sign_input sign = {
	    .method = SLICE("POST"),
	    .authority = target->authority,
	    .path = target->path,
	    .content_type = SLICE("application/json"),
	    .id = id,
	    .sequence = sequence,
	    .timestamp = input->now.us / 1000000,
	    .body = out->body,
	};
	return sign_request(target->scheme, keys, key_count, &sign, arena, &out->headers, error);
}
