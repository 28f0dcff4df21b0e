/* Names, states, moves and rules of the domain's nouns. Documents are in documents.c. */
#include "model/model.h"

#include <stdlib.h>

/* --- tables of names -------------------------------------------------------------------------------- */

static const char *const endpoint_state_names[ENDPOINT_STATE_COUNT] = {
    [ENDPOINT_ACTIVE] = "active",
    [ENDPOINT_SUSPENDED] = "suspended",
    [ENDPOINT_DISABLED] = "disabled",
    [ENDPOINT_DELETED] = "deleted",
    [ENDPOINT_PENDING_VERIFICATION] = "pending_verification",
};

static const char *const payload_style_names[PAYLOAD_STYLE_COUNT] = {
    [PAYLOAD_RAW] = "raw",
    [PAYLOAD_ENVELOPE] = "envelope",
    [PAYLOAD_THIN] = "thin",
    [PAYLOAD_LEGACY] = "legacy",
};

static const char *const delivery_order_names[ORDER_COUNT] = {
    [ORDER_NONE] = "none",
    [ORDER_RESOURCE] = "resource",
    [ORDER_ENDPOINT] = "endpoint",
};

static const char *const key_scope_names[KEY_SCOPE_COUNT] = {
    [KEY_SCOPE_ENDPOINT] = "endpoint",
    [KEY_SCOPE_ORGANISATION] = "organisation",
};

static const char *const role_names[ROLE_COUNT] = {
    [ROLE_PLATFORM_ADMIN] = "platform-admin",
    [ROLE_ADMIN] = "admin",
    [ROLE_ENGINEERING] = "engineering",
    [ROLE_PLATFORM_OPERATIONS] = "platform-operations",
    [ROLE_TREASURY_OPERATIONS] = "treasury-operations",
    [ROLE_RECONCILIATION] = "reconciliation",
    [ROLE_COMPLIANCE_OPERATIONS] = "compliance-operations",
    [ROLE_SECURITY] = "security",
    [ROLE_INTERNAL_TOOLING] = "internal-tooling",
    [ROLE_VIEWER] = "viewer",
};

static const char *const environment_names[ENVIRONMENT_COUNT] = {
    [ENVIRONMENT_PRODUCTION] = "production",
    [ENVIRONMENT_SANDBOX] = "sandbox",
};

static const char *const duty_names[DUTY_COUNT] = {
    [DUTY_CONFIGURATION] = "configuration",
    [DUTY_MONITORING] = "monitoring",
    [DUTY_RETRY_HANDLING] = "retryHandling",
    [DUTY_INCIDENT_RESPONSE] = "incidentResponse",
};

const char *
endpoint_state_name(enum endpoint_state state)
{
	return endpoint_state_names[state];
}

const char *
payload_style_name(enum payload_style style)
{
	return payload_style_names[style];
}

bool
payload_style_parse(struct slice name, enum payload_style *out)
{
	size_t index;
	if (!slice_among(name, payload_style_names, PAYLOAD_STYLE_COUNT, &index))
		return false;
	*out = (enum payload_style)index;
	return true;
}

const char *
delivery_order_name(enum delivery_order order)
{
	return delivery_order_names[order];
}

bool
delivery_order_parse(struct slice name, enum delivery_order *out)
{
	size_t index;
	if (!slice_among(name, delivery_order_names, ORDER_COUNT, &index))
		return false;
	*out = (enum delivery_order)index;
	return true;
}

const char *
key_scope_name(enum key_scope scope)
{
	return key_scope_names[scope];
}

bool
key_scope_parse(struct slice name, enum key_scope *out)
{
	size_t index;
	if (!slice_among(name, key_scope_names, KEY_SCOPE_COUNT, &index))
		return false;
	*out = (enum key_scope)index;
	return true;
}

enum error_code
endpoint_take_keys(struct endpoint *endpoint, const struct organisation *of, struct wall_time now, struct error *error)
{
	if (endpoint->key_scope != KEY_SCOPE_ORGANISATION)
		return OK;
	if (of->key_count == 0)
		return error_set(error, ERR_INVALID,
		    "The organisation has no signing key: make one with POST …/signing-key/rotate.");
	for (size_t i = 0; i < of->key_count; i++) {
		const struct endpoint_key *key = &of->keys[i];
		bool valid = key->expires.us == 0 || key->expires.us > now.us;
		if (valid && !sign_scheme_signs_with(endpoint->scheme, key->type))
			return error_set(error, ERR_INVALID,
			    "The scheme %s of an endpoint does not sign with the organisation's %s key.",
			    sign_scheme_name(endpoint->scheme), key_type_name(key->type));
	}
	memcpy(endpoint->keys, of->keys, of->key_count * sizeof of->keys[0]);
	endpoint->key_count = of->key_count;
	return OK;
}

bool
organisation_same_keys(const struct organisation *a, const struct organisation *b)
{
	bool same = a->key_count == b->key_count;
	for (size_t i = 0; same && i < a->key_count; i++)
		same =
		    a->keys[i].expires.us == b->keys[i].expires.us && slice_equal(a->keys[i].sealed, b->keys[i].sealed);
	return same;
}

const char *
environment_name(enum environment environment)
{
	return environment_names[environment];
}

bool
environment_parse(struct slice name, enum environment *out)
{
	size_t index;
	if (!slice_among(name, environment_names, ENVIRONMENT_COUNT, &index))
		return false;
	*out = (enum environment)index;
	return true;
}

bool
endpoint_owned(const struct endpoint *endpoint)
{
	for (int duty = 0; duty < DUTY_COUNT; duty++)
		if (!slice_present(endpoint->owners[duty].team))
			return false;
	return true;
}

const char *
duty_name(enum duty duty)
{
	return duty_names[duty];
}

const char *
role_name(enum role role)
{
	return role_names[role];
}

bool
role_parse(struct slice name, enum role *out)
{
	size_t index;
	if (!slice_among(name, role_names, ROLE_COUNT, &index))
		return false;
	*out = (enum role)index;
	return true;
}

int64_t
token_session(struct slice id)
{
	unsigned char hash[SHA256_BYTES];
	int64_t session;
	sha256(id, hash);
	memcpy(&session, hash, sizeof session);
	return session == 0 ? 1 : session;
}

/* --- moves ------------------------------------------------------------------------------------------ */

enum { HEARTBEAT_DEFAULT_S = 30 };

int32_t
endpoint_heartbeat(const struct endpoint *endpoint)
{
	if (endpoint->heartbeat_s > 0)
		return endpoint->heartbeat_s;
	return slice_list_has(endpoint->event_types, HEARTBEAT_TYPE) ? HEARTBEAT_DEFAULT_S : 0;
}

bool
endpoint_may_move(enum endpoint_state from, enum endpoint_state to)
{
	static const bool moves[ENDPOINT_STATE_COUNT][ENDPOINT_STATE_COUNT] = {
	    [ENDPOINT_ACTIVE] = {[ENDPOINT_SUSPENDED] = true, [ENDPOINT_DISABLED] = true, [ENDPOINT_DELETED] = true},
	    [ENDPOINT_SUSPENDED] = {[ENDPOINT_ACTIVE] = true, [ENDPOINT_DISABLED] = true, [ENDPOINT_DELETED] = true},
	    [ENDPOINT_DISABLED] =
		{[ENDPOINT_ACTIVE] = true, [ENDPOINT_DELETED] = true, [ENDPOINT_PENDING_VERIFICATION] = true},
	    [ENDPOINT_PENDING_VERIFICATION] =
		{[ENDPOINT_ACTIVE] = true, [ENDPOINT_DISABLED] = true, [ENDPOINT_DELETED] = true},
	};
	return moves[from][to];
}

bool
delivery_may_move(enum delivery_state from, enum delivery_state to)
{
	static const bool moves[DELIVERY_STATE_COUNT][DELIVERY_STATE_COUNT] = {
	    [DELIVERY_PENDING] = {[DELIVERY_PENDING] = true,
		[DELIVERY_DELIVERED] = true,
		[DELIVERY_EXHAUSTED] = true,
		[DELIVERY_CANCELLED] = true},
	    [DELIVERY_DELIVERED] = {[DELIVERY_PENDING] = true},
	    [DELIVERY_EXHAUSTED] = {[DELIVERY_PENDING] = true},
	};
	return moves[from][to];
}

/* --- entitlement -------------------------------------------------------------------------------------- */

bool
organisation_entitled(const struct organisation *organisation, struct slice service)
{
	return !organisation->services_limited || !slice_present(service) ||
	       slice_list_has(organisation->services, service);
}

bool
organisation_same_services(const struct organisation *a, const struct organisation *b)
{
	if (a->services_limited != b->services_limited || a->services.count != b->services.count)
		return false;
	for (size_t i = 0; i < a->services.count; i++)
		if (!slice_list_has(b->services, a->services.items[i]))
			return false;
	return true;
}

/* --- subscription ----------------------------------------------------------------------------------- */

bool
event_type_by_name_only(struct slice name)
{
	static const char *const prefixes[] = {
	    "webhook.endpoint.", "webhook.key.", "webhook.delivery.", "webhook.replay."};
	for (size_t i = 0; i < COUNT_OF(prefixes); i++)
		if (slice_starts(name, slice_of(prefixes[i])))
			return true;
	return false;
}

bool
endpoint_wants(const struct endpoint *endpoint, struct slice event_type, struct slice_list channels)
{
	if (endpoint->state == ENDPOINT_DISABLED || endpoint->state == ENDPOINT_DELETED)
		return false;
	bool named = slice_list_has(endpoint->event_types, event_type);
	if (!named && (endpoint->event_types.count > 0 || event_type_by_name_only(event_type)))
		return false;
	if (endpoint->channels.count == 0)
		return true;
	for (size_t i = 0; i < channels.count; i++)
		if (slice_list_has(endpoint->channels, channels.items[i]))
			return true;
	return false;
}

/* --- ownership --------------------------------------------------------------------------------------- */

bool
endpoint_unproven(const struct endpoint *endpoint)
{
	return slice_present(endpoint->verification.challenge) && !slice_present(endpoint->verification.url);
}

void
endpoint_verification_begin(struct arena *arena, const struct endpoint *before, struct endpoint *edited,
    struct slice challenge, struct wall_time now)
{
	bool moved = before == NULL || !slice_equal(before->url, edited->url);
	struct verification *verification = &edited->verification;
	bool live = before != NULL && !endpoint_unproven(before);
	if (moved && live && slice_present(challenge)) {
		/* Asked for again, it goes on as it is. */
		if (!slice_present(verification->url) || !slice_equal(verification->url, edited->url))
			*verification = (struct verification){.challenge = challenge, .url = edited->url, .due = now};
		edited->url = arena_copy(arena, before->url);
	} else if (moved && live) {
		*verification = (struct verification){.attempts = 0};
	} else if (moved && slice_present(challenge)) {
		*verification = (struct verification){.challenge = challenge, .due = now};
	}
	if (edited->state == ENDPOINT_ACTIVE && endpoint_unproven(edited))
		edited->state = ENDPOINT_PENDING_VERIFICATION;
}

struct wall_time
delivery_due(const struct endpoint *endpoint, struct wall_time now)
{
	return endpoint->order == ORDER_NONE ? now : WALL_NONE;
}

/* --- messages --------------------------------------------------------------------------------------- */

struct message *
message_new(void)
{
	struct message *message = mem_zero(1, sizeof *message);
	atomic_init(&message->references, 1);
	return message;
}

struct message *
message_ref(struct message *message)
{
	atomic_fetch_add_explicit(&message->references, 1, memory_order_relaxed);
	return message;
}

void
message_unref(struct message *message)
{
	if (message == NULL || atomic_fetch_sub_explicit(&message->references, 1, memory_order_acq_rel) != 1)
		return;
	arena_free(&message->arena);
	free(message);
}

/* --- schedules -------------------------------------------------------------------------------------- */

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

/* standard: the example of the Standard Webhooks specification; legacy: the platform's first generation, exact
 * to its contract and therefore without jitter; svix: that server's default. */
static const struct {
	const char *name;
	struct schedule schedule;
} presets[] = {
    {"standard",
	{9, {5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR},
	    200}},
    {"legacy", {6, {1 * MINUTE, 2 * MINUTE, 15 * MINUTE, 2 * HOUR, 10 * HOUR, 24 * HOUR}, 0}},
    {"svix", {7, {5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR}, 200}},
};

enum { CUSTOM_JITTER_PERMILLE = 100 };

enum error_code
schedule_parse(struct slice text, struct schedule *out, struct error *error)
{
	text = slice_trim(text);
	for (size_t i = 0; i < COUNT_OF(presets); i++)
		if (slice_is(text, presets[i].name)) {
			*out = presets[i].schedule;
			return OK;
		}
	*out = (struct schedule){.jitter_permille = CUSTOM_JITTER_PERMILLE};
	struct slice rest = text;
	while (slice_present(rest)) {
		struct slice item = slice_trim(slice_cut(&rest, ','));
		if (out->count == LIMIT_SCHEDULE_STEPS)
			return error_set(error, ERR_INVALID, "a schedule has at most %d delays", LIMIT_SCHEDULE_STEPS);
		int64_t delay;
		char shown[33] = "";
		memcpy(shown, item.ptr, item.len < 32 ? item.len : 32);
		if (!duration_parse(item, &delay) || delay > 365 * 24 * (int64_t)HOUR)
			return error_set(error, ERR_INVALID,
			    "\"%s\" in a schedule is neither a preset (standard, legacy, svix) nor a duration like "
			    "100ms, 5s, 10m, 2h",
			    shown);
		out->delay_ms[out->count++] = delay;
	}
	return OK;
}

/* --- texts ------------------------------------------------------------------------------------------ */

static bool
name_characters(struct slice text)
{
	if (text.len < 1 || text.len > LIMIT_UID_BYTES)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

bool
uid_valid(struct slice uid, const char *forbidden_prefix)
{
	return name_characters(uid) && (forbidden_prefix == NULL || !slice_starts(uid, slice_of(forbidden_prefix)));
}

bool
event_type_name_valid(struct slice name)
{
	return name_characters(name);
}

bool
header_name_sensitive(struct slice name)
{
	static const char *const names[] = {"x-auth-token", "x-api-key", "www-authenticate", "authorization"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (slice_equal_nocase(name, slice_of(names[i])))
			return true;
	struct slice prefix = SLICE("proxy-");
	return name.len >= prefix.len && slice_equal_nocase((struct slice){name.ptr, prefix.len}, prefix);
}
