#include "server/out.h"

#include "base/encode.h"
#include "server/in.h"

#include <stdio.h>

enum { STATUS_SUCCESS = 0, STATUS_FAIL = 2, STATUS_SENDING = 3, STATUS_CANCELLED = 4 };

void
out_time(struct json_writer *writer, const char *name, struct wall_time time)
{
	char text[TIME_TEXT_BYTES];
	json_key(writer, name);
	if (time.us == 0)
		json_null(writer);
	else
		json_string(writer, slice_of(time_format(time, 6, text)));
}

void
out_digest(struct json_writer *writer, const char *name, struct slice digest)
{
	struct buf text;
	buf_init(&text, (size_t)2 * SHA256_BYTES);
	hex_append(&text, digest);
	json_put_string(writer, name, digest.len == SHA256_BYTES ? buf_slice(&text) : SLICE_NONE);
	buf_free(&text);
}

static void
out_id(struct json_writer *writer, const char *name, enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_BYTES];
	json_put_cstring(writer, name, id_format(kind, id, text));
}

/* Under its name and its deprecated one. */
static void
out_throttle(struct json_writer *writer, int32_t rate)
{
	static const char *const names[] = {"throttleRate", "rateLimit"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		json_key(writer, names[i]);
		if (rate == 0)
			json_null(writer);
		else
			json_integer(writer, rate);
	}
}

static void
out_names(struct json_writer *writer, const char *name, struct slice_list list)
{
	json_key(writer, name);
	if (list.count == 0) {
		json_null(writer);
		return;
	}
	json_open(writer, '[');
	for (size_t i = 0; i < list.count; i++)
		json_string(writer, list.items[i]);
	json_close(writer);
}

static void
out_object(struct json_writer *writer, const char *name, struct slice object)
{
	json_key(writer, name);
	json_raw(writer, object.len == 0 ? SLICE("{}") : object);
}

static void
out_empty(struct json_writer *writer, const char *name)
{
	json_key(writer, name);
	json_open(writer, '[');
	json_close(writer);
}

static void
out_twin(struct json_writer *writer, const char *name, int64_t id)
{
	if (id == 0)
		json_put_string(writer, name, SLICE_NONE);
	else
		out_id(writer, name, ID_ORGANISATION, id);
}

void
out_organisation(struct json_writer *writer, const struct organisation *organisation)
{
	json_open(writer, '{');
	json_put_string(writer, "uid", organisation->uid);
	json_put_string(writer, "name", organisation->name);
	out_throttle(writer, organisation->throttle_rate);
	out_id(writer, "id", ID_ORGANISATION, organisation->id.value);
	out_time(writer, "createdAt", organisation->created);
	out_time(writer, "updatedAt", organisation->updated);
	out_object(writer, "metadata", organisation->metadata);
	if (organisation->services_limited && organisation->services.count == 0)
		out_empty(writer, "services");
	else
		out_names(writer, "services", organisation->services);
	json_put_cstring(writer, "environment", environment_name(organisation->environment));
	bool sandbox = organisation->environment == ENVIRONMENT_SANDBOX;
	out_twin(writer, "sandboxId", sandbox ? 0 : organisation->twin.value);
	out_twin(writer, "productionId", sandbox ? organisation->twin.value : 0);
	json_key(writer, "payloadRetentionPeriod");
	if (organisation->retention_days == 0)
		json_null(writer);
	else
		json_integer(writer, organisation->retention_days);
	out_object(writer, "redactions", organisation->redactions);
	json_close(writer);
}

/* --- endpoints --------------------------------------------------------------------------------------- */

static void
out_endpoint_common(struct json_writer *writer, const struct endpoint *endpoint)
{
	json_put_string(writer, "description", endpoint->description.len == 0 ? SLICE("") : endpoint->description);
	out_throttle(writer, endpoint->throttle_rate);
	json_put_string(writer, "uid", endpoint->uid);
	json_put_string(writer, "url", endpoint->url);
	json_put_integer(writer, "version", endpoint->version);
	json_put_bool(writer, "disabled", endpoint->state == ENDPOINT_DISABLED);
	out_names(writer, "eventTypes", endpoint->event_types);
	out_names(writer, "filterTypes", endpoint->event_types);
	out_names(writer, "channels", endpoint->channels);
	out_time(writer, "createdAt", endpoint->created);
	out_time(writer, "updatedAt", endpoint->updated);
}

static void
out_owners(struct json_writer *writer, const struct endpoint *endpoint)
{
	json_key(writer, "owners");
	json_open(writer, '{');
	for (int duty = 0; duty < DUTY_COUNT; duty++) {
		const struct owner *owner = &endpoint->owners[duty];
		if (!slice_present(owner->team))
			continue;
		json_key(writer, duty_name((enum duty)duty));
		json_open(writer, '{');
		json_put_string(writer, "team", owner->team);
		json_put_string(writer, "contact", owner->contact);
		json_close(writer);
	}
	json_close(writer);
	json_key(writer, "ownersMissing");
	json_open(writer, '[');
	for (int duty = 0; duty < DUTY_COUNT; duty++)
		if (!slice_present(endpoint->owners[duty].team))
			json_string(writer, slice_of(duty_name((enum duty)duty)));
	json_close(writer);
}

/* What its URL, or the one that is to take its place, still has to prove. */
static void
out_verification(struct json_writer *writer, const struct verification *verification)
{
	json_key(writer, "verification");
	if (!slice_present(verification->challenge)) {
		json_null(writer);
		return;
	}
	json_open(writer, '{');
	json_put_string(writer, "url", verification->url);
	json_put_integer(writer, "attempts", verification->attempts);
	out_time(writer, "nextAttempt", verification->due);
	json_put_string(writer, "lastProblem", verification->problem);
	json_close(writer);
}

/* `state`: as it is shown. */
static void
out_endpoint_members(struct json_writer *writer, const struct endpoint *endpoint, const char *state)
{
	out_object(writer, "metadata", endpoint->metadata);
	json_put_cstring(writer, "state", state);
	json_put_cstring(writer, "payloadStyle", payload_style_name(endpoint->payload_style));
	json_put_cstring(writer, "signatureScheme", sign_scheme_name(endpoint->scheme));
	json_put_cstring(writer, "keyType", endpoint->key_count == 0 ? NULL : key_type_name(endpoint->keys[0].type));
	json_put_cstring(writer, "keyScope", key_scope_name(endpoint->key_scope));
	json_put_string(writer, "schedule", endpoint->schedule);
	out_owners(writer, endpoint);
	out_verification(writer, &endpoint->verification);
	/* Only where there is something to say: most endpoints work. */
	if (endpoint->failing_since.us != 0)
		out_time(writer, "failingSince", endpoint->failing_since);
	if (endpoint->state != ENDPOINT_ACTIVE && endpoint->held >= 0)
		json_put_integer(writer, "held", endpoint->held);
	json_put_cstring(writer, "ordering", delivery_order_name(endpoint->order));
	json_key(writer, "heartbeatSeconds");
	if (endpoint->heartbeat_s > 0)
		json_integer(writer, endpoint->heartbeat_s);
	else
		json_null(writer);
}

void
out_endpoint(struct json_writer *writer, const struct endpoint *endpoint)
{
	json_open(writer, '{');
	out_endpoint_common(writer, endpoint);
	out_id(writer, "id", ID_ENDPOINT, endpoint->id.value);
	out_endpoint_members(writer, endpoint, endpoint_state_name(endpoint->state));
	json_close(writer);
}

void
out_endpoint_held(struct json_writer *writer, const struct endpoint *endpoint, const struct change_request *change)
{
	bool creation = change->operation == CHANGE_ENDPOINT_CREATE;
	json_open(writer, '{');
	out_endpoint_common(writer, endpoint);
	out_id(writer, "id", creation ? ID_CHANGE : ID_ENDPOINT, creation ? change->id.value : change->object);
	out_endpoint_members(writer, endpoint, creation ? "requested" : endpoint_state_name(endpoint->state));
	json_key(writer, "change");
	change_write(writer, change);
	json_close(writer);
}

void
out_endpoint_headers(struct json_writer *writer, struct slice headers, struct arena *arena)
{
	struct json object = {JSON_OBJECT, headers.len == 0 ? SLICE("{}") : headers};
	json_open(writer, '{');
	json_key(writer, "headers");
	json_open(writer, '{');
	struct json_iterator iterator = json_iterate(object);
	struct json key, value;
	while (json_next(&iterator, &key, &value)) {
		struct slice name = json_text(arena, key);
		if (header_name_sensitive(name))
			continue;
		json_key_slice(writer, name);
		json_raw(writer, value.raw);
	}
	json_close(writer);
	json_key(writer, "sensitive");
	json_open(writer, '[');
	iterator = json_iterate(object);
	while (json_next(&iterator, &key, &value)) {
		struct slice name = json_text(arena, key);
		if (header_name_sensitive(name))
			json_string(writer, name);
	}
	json_close(writer);
	json_close(writer);
}

/* --- event types ------------------------------------------------------------------------------------- */

void
out_event_type(struct json_writer *writer, const struct event_type *type, bool with_content)
{
	json_open(writer, '{');
	json_put_string(writer, "name", type->name);
	json_put_string(writer, "description", type->description.len == 0 ? SLICE("") : type->description);
	json_put_bool(writer, "archived", type->archived);
	json_put_bool(writer, "deprecated", type->deprecated);
	json_key(writer, "schemas");
	if (with_content && type->schemas.len > 0)
		json_raw(writer, type->schemas);
	else
		json_null(writer);
	out_time(writer, "createdAt", type->created);
	out_time(writer, "updatedAt", type->updated);
	json_put_string(writer, "featureFlag", type->feature_flag);
	json_close(writer);
}

/* --- messages and attempts --------------------------------------------------------------------------- */

/* A payload that was posted as raw text need not be JSON: then there is nothing to show in an object's place. */
static bool
showable(struct slice payload)
{
	struct json json;
	return slice_present(payload) && json_parse(payload, LIMIT_JSON_DEPTH, &json, NULL) == OK &&
	       json.type == JSON_OBJECT;
}

static void
out_message_members(struct json_writer *writer, const struct message *message, enum content content)
{
	json_put_string(writer, "eventId", message->event_id);
	json_put_string(writer, "eventType", message->event_type);
	json_key(writer, "payload");
	if (content == CONTENT_LEFT_OUT)
		json_raw(writer, SLICE("{}"));
	else if (content == CONTENT_REDACTED)
		json_raw(writer, SLICE("{\"redacted\":true}"));
	else
		json_raw(writer, showable(message->payload) ? message->payload : SLICE("{\"expired\":true}"));
	if (content == CONTENT_SHOWN && slice_present(message->versions)) {
		json_key(writer, "payloadVersions");
		json_raw(writer, message->versions);
	}
	out_names(writer, "channels", message->channels);
	out_id(writer, "id", ID_MESSAGE, message->id.value);
	out_time(writer, "timestamp", message->created);
	if (message->test)
		json_put_bool(writer, "test", true);
}

void
out_message(struct json_writer *writer, const struct message *message, enum content content)
{
	json_open(writer, '{');
	out_message_members(writer, message, content);
	json_close(writer);
}

void
out_attempt(struct json_writer *writer, const struct attempt *attempt, enum content content)
{
	json_open(writer, '{');
	json_put_string(writer, "url", attempt->url.len == 0 ? SLICE("") : attempt->url);
	bool answered = content == CONTENT_SHOWN && attempt->response.len > 0;
	json_put_string(writer, "response",
	    content == CONTENT_LEFT_OUT ? SLICE("{}")
	    : answered			? attempt->response
					: SLICE(""));
	json_put_integer(writer, "responseStatusCode", attempt->status_code);
	json_put_integer(writer, "responseDurationMs", attempt->duration_ms);
	json_put_integer(writer, "status", attempt->succeeded ? STATUS_SUCCESS : STATUS_FAIL);
	json_put_cstring(writer, "statusText", attempt->succeeded ? "success" : "fail");
	json_put_integer(writer, "triggerType", (int)attempt->trigger);
	out_id(writer, "msgId", ID_MESSAGE, attempt->message.value);
	out_id(writer, "endpointId", ID_ENDPOINT, attempt->endpoint.value);
	out_id(writer, "id", ID_ATTEMPT, attempt->id.value);
	out_time(writer, "timestamp", id_time(attempt->id.value));
	json_close(writer);
}

static void
out_standing(struct json_writer *writer, const struct store_delivery *delivery)
{
	static const struct {
		int status;
		const char *text;
	} standings[DELIVERY_STATE_COUNT] = {
	    [DELIVERY_PENDING] = {STATUS_SENDING, "sending"},
	    [DELIVERY_DELIVERED] = {STATUS_SUCCESS, "success"},
	    [DELIVERY_EXHAUSTED] = {STATUS_FAIL, "fail"},
	    [DELIVERY_CANCELLED] = {STATUS_CANCELLED, "canceled"},
	};
	ENSURE(delivery->state < DELIVERY_STATE_COUNT);
	json_put_integer(writer, "status", standings[delivery->state].status);
	json_put_cstring(writer, "statusText", standings[delivery->state].text);
	out_time(writer, "nextAttempt", delivery->state == DELIVERY_PENDING ? delivery->due : WALL_NONE);
}

void
out_destination(struct json_writer *writer, const struct store_delivery *delivery)
{
	json_open(writer, '{');
	out_endpoint_common(writer, delivery->endpoint);
	out_id(writer, "id", ID_ENDPOINT, delivery->endpoint->id.value);
	out_standing(writer, delivery);
	json_close(writer);
}

void
out_endpoint_message(struct json_writer *writer, const struct store_delivery *delivery, const struct message *shown,
    enum content content)
{
	json_open(writer, '{');
	out_message_members(writer, shown, content);
	out_standing(writer, delivery);
	json_close(writer);
}

void
out_evidence(struct json_writer *writer, const struct message *message, const struct store_evidence *evidence)
{
	char hex[SHA256_BYTES * 2 + 1];
	for (size_t i = 0; i < SHA256_BYTES; i++)
		snprintf(hex + i * 2, 3, "%02x", evidence->sha256[i]);
	json_open(writer, '{');
	out_id(writer, "id", ID_MESSAGE, message->id.value);
	json_put_string(writer, "eventId", message->event_id);
	json_put_string(writer, "eventType", message->event_type);
	out_time(writer, "timestamp", message->created);
	json_put_cstring(writer, "payloadSha256", evidence->known ? hex : NULL);
	json_put_bool(writer, "payloadKept", evidence->kept);
	json_put_integer(writer, "payloadRetentionPeriod", message->retention_days);
	out_time(writer, "purgedAt", evidence->purged);
	json_close(writer);
}

/* --- tokens and the audit log ------------------------------------------------------------------------ */

void
out_token(struct json_writer *writer, const struct token *token, struct slice text)
{
	json_open(writer, '{');
	out_id(writer, "id", ID_TOKEN, token->id.value);
	json_put_cstring(writer, "name", token->name);
	json_put_cstring(writer, "role", role_name(token->role));
	out_time(writer, "createdAt", token->created);
	out_time(writer, "expiresAt", token->expires);
	out_time(writer, "lastUsedAt", token->used);
	if (slice_present(text))
		json_put_string(writer, "token", text);
	json_close(writer);
}

static void
out_document(struct json_writer *writer, const char *name, struct slice document)
{
	json_key(writer, name);
	if (slice_present(document))
		json_raw(writer, document);
	else
		json_null(writer);
}

void
out_audit(struct json_writer *writer, const struct store_audit_row *row)
{
	json_open(writer, '{');
	out_id(writer, "id", ID_AUDIT, row->seq);
	json_put_integer(writer, "seq", row->seq);
	out_time(writer, "timestamp", row->at);
	json_put_string(writer, "actor", row->actor);
	json_put_string(writer, "role", row->role);
	if (row->organisation.value == 0)
		json_put_string(writer, "organisationId", SLICE_NONE);
	else
		out_id(writer, "organisationId", ID_ORGANISATION, row->organisation.value);
	json_put_string(writer, "action", row->action);
	json_put_string(writer, "object", row->object);
	out_document(writer, "before", row->before);
	out_document(writer, "after", row->after);
	json_close(writer);
}
