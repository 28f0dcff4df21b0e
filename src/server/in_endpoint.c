/* EndpointIn, and custom headers. */
#include "server/in.h"

enum { HEADER_VALUE_BYTES_MAX = 4096, HEADERS_BYTES_MAX = 64 << 10, VERSION_MAX = 65535, SECRET_BYTES_MAX = 4096 };

/* What the sender, the connection or a signature decides is not for an organisation to set. */
static const char *const forbidden_names[] = {"user-agent", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "te", "trailer", "trailers", "transfer-encoding", "upgrade", "age", "cache-control", "clear-site-data", "expires",
    "pragma", "warning", "content-length", "content-type", "content-encoding", "content-language", "content-location",
    "host", "connection", "expect", "content-digest", "signature", "signature-input", "x-sha2-signature"};
static const char *const forbidden_prefixes[] = {"x-amz-", "x-amzn-", "x-google", "x-goog-", "x-gfe", "x-azure-",
    "x-fd-", "x-svix-", "svix-", "webhook-", "vaultbell-"};

static bool
starts_nocase(struct slice text, struct slice prefix)
{
	return text.len >= prefix.len && slice_equal_nocase((struct slice){text.ptr, prefix.len}, prefix);
}

static bool
one_of_nocase(struct slice name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal_nocase(name, slice_of(names[i])))
			return true;
	return false;
}

/* A token (RFC 9110 section 5.6.2). */
static bool
header_name_valid(struct slice name)
{
	if (name.len == 0 || name.len > LIMIT_UID_BYTES)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool alphanumeric = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		if (!alphanumeric && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return true;
}

bool
header_name_allowed(struct slice name)
{
	if (!header_name_valid(name) || one_of_nocase(name, forbidden_names, COUNT_OF(forbidden_names)))
		return false;
	for (size_t i = 0; i < COUNT_OF(forbidden_prefixes); i++)
		if (starts_nocase(name, slice_of(forbidden_prefixes[i])))
			return false;
	return true;
}

static bool
header_value_valid(struct slice value)
{
	if (value.len > HEADER_VALUE_BYTES_MAX)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool
headers_valid(const struct in *in, const struct member *member)
{
	struct json_iterator iterator = json_iterate(member->value);
	struct json key, value;
	while (json_next(&iterator, &key, &value)) {
		if (!header_name_allowed(json_text(in->arena, key))) {
			check_fail(in->check, CHECK_DECODE, member->name,
			    "A name in %s is no header name, or one that cannot be set.", member->name);
			return false;
		}
		bool removed = in->patch && value.type == JSON_NULL;
		if (!removed && (value.type != JSON_STRING || !header_value_valid(json_text(in->arena, value)))) {
			check_fail(in->check, CHECK_DECODE, member->name,
			    "Each value in %s must be a string of at most %d bytes without control characters.",
			    member->name, HEADER_VALUE_BYTES_MAX);
			return false;
		}
	}
	return true;
}

static struct json
read_headers(const struct in *in, const struct member *member)
{
	const struct json none = {JSON_OBJECT, SLICE("{}")};
	if (member->value.type != JSON_OBJECT) {
		check_fail(in->check, CHECK_DECODE, member->name, "%s must be an object of strings, not %s.",
		    member->name, json_type_name(member->value.type));
		return none;
	}
	if (member->value.raw.len > HEADERS_BYTES_MAX) {
		check_fail(in->check, CHECK_VALUE, member->name, "%s may have at most %d bytes.", member->name,
		    HEADERS_BYTES_MAX);
		return none;
	}
	if (!headers_valid(in, member))
		return none;
	return (struct json){JSON_OBJECT, arena_copy(in->arena, member->value.raw)};
}

struct json
headers_in_read(const struct in *in, struct json object)
{
	struct member member = {.name = "headers"};
	members_find(object, &member, 1);
	in_required(in, &member);
	if (member_null(&member))
		return (struct json){JSON_OBJECT, SLICE("{}")};
	return read_headers(in, &member);
}

/* --- EndpointIn -------------------------------------------------------------------------------------- */

static void
read_url(const struct in *in, const struct member *member, const struct config *config, struct slice *out)
{
	struct slice text;
	if (!in_text(in, member, SIZE_MAX, &text))
		return;
	const char *reason = NULL;
	struct slice url = url_normalise(in->arena, text, &reason);
	if (!slice_present(url))
		check_fail(in->check, CHECK_VALUE, member->name, "url cannot be used: %s.", reason);
	else if (slice_starts(url, SLICE("http:")) && config->delivery_https_only)
		check_fail(in->check, CHECK_VALUE, member->name, "url must start with https:// on this server.");
	else
		*out = url;
}

static void
name_fault(const struct in *in, const struct member *member, const char *names)
{
	check_fail(in->check, CHECK_VALUE, member->name, "%s must be one of %s.", member->name, names);
}

static void
read_signing(const struct in *in, const struct member *style, const struct member *scheme,
    const struct member *key_type, struct endpoint_in *out)
{
	struct slice text;
	if (in_text(in, style, SIZE_MAX, &text) && !payload_style_parse(text, &out->value.payload_style))
		name_fault(in, style, "raw, envelope, thin, legacy");
	if (in_text(in, scheme, SIZE_MAX, &text)) {
		/* What other platforms sign with is received only. */
		out->scheme_given =
		    sign_scheme_parse(text, &out->value.scheme) && sign_scheme_can_sign(out->value.scheme);
		if (!out->scheme_given)
			name_fault(in, scheme, "standard, rfc9421, legacy");
	}
	if (in_text(in, key_type, SIZE_MAX, &text)) {
		out->key_type_given = key_type_parse(text, &out->key_type);
		if (!out->key_type_given)
			name_fault(in, key_type, "hmac, ed25519, ecdsa-p256");
	}
}

static void
read_key_scope(const struct in *in, const struct member *member, struct endpoint_in *out)
{
	struct slice text;
	if (!in_text(in, member, SIZE_MAX, &text))
		return;
	out->key_scope_given = key_scope_parse(text, &out->value.key_scope);
	if (!out->key_scope_given)
		name_fault(in, member, "endpoint, organisation");
	bool own = slice_present(out->secret) || out->key_type_given;
	if (out->key_scope_given && out->value.key_scope == KEY_SCOPE_ORGANISATION && own)
		check_fail(in->check, CHECK_VALUE, member->name,
		    "An endpoint that signs with its organisation's key has neither a secret nor a keyType of its "
		    "own.");
}

static void
read_schedule(const struct in *in, const struct member *member, struct slice *out)
{
	struct schedule schedule;
	struct error error = ERROR_NONE;
	struct slice text;
	if (!in_text(in, member, LIMIT_NAME_BYTES, &text))
		return;
	if (schedule_parse(text, &schedule, &error) != OK)
		check_fail(in->check, CHECK_VALUE, member->name, "schedule: %s", error.text);
	else
		*out = text;
}

void
endpoint_in_read(const struct in *in, struct json object, const struct config *config, struct endpoint_in *out)
{
	enum {
		URL,
		DESCRIPTION,
		DISABLED,
		TYPES,
		TYPES_OLD,
		CHANNELS,
		UID,
		SECRET,
		RATE,
		RATE_OLD,
		VERSION,
		METADATA,
		HEADERS,
		STYLE,
		SCHEME,
		KEY_TYPE,
		SCHEDULE,
		ORDERING,
		HEARTBEAT,
		KEY_SCOPE
	};
	struct member m[] = {{.name = "url"}, {.name = "description"}, {.name = "disabled"}, {.name = "eventTypes"},
	    {.name = "filterTypes"}, {.name = "channels"}, {.name = "uid"}, {.name = "secret"},
	    {.name = "throttleRate"}, {.name = "rateLimit"}, {.name = "version"}, {.name = "metadata"},
	    {.name = "headers"}, {.name = "payloadStyle"}, {.name = "signatureScheme"}, {.name = "keyType"},
	    {.name = "schedule"}, {.name = "ordering"}, {.name = "heartbeatSeconds"}, {.name = "keyScope"}};
	members_find(object, m, COUNT_OF(m));
	bool all = !in->patch;
	*out = (struct endpoint_in){
	    .value = {.description = SLICE(""), .metadata = SLICE("{}"), .headers = SLICE("{}"), .version = 1},
	    .url_given = all || member_given(&m[URL]),
	    .description_given = all || member_given(&m[DESCRIPTION]),
	    .uid_given = all || member_given(&m[UID]),
	    .event_types_given = all || member_given(&m[TYPES]) || member_given(&m[TYPES_OLD]),
	    .channels_given = all || member_given(&m[CHANNELS]),
	    .metadata_given = all || member_given(&m[METADATA]),
	    .throttle_rate_given = all || member_given(&m[RATE]) || member_given(&m[RATE_OLD]),
	    .version_given = all || member_given(&m[VERSION]),
	    .style_given = all || member_given(&m[STYLE]),
	    .schedule_given = all || member_given(&m[SCHEDULE]),
	    .order_given = all || member_given(&m[ORDERING]),
	    .heartbeat_given = all || member_given(&m[HEARTBEAT]),
	    .headers_given = !in->patch && !member_null(&m[HEADERS]),
	};
	if (out->url_given)
		in_required(in, &m[URL]);
	read_url(in, &m[URL], config, &out->value.url);
	(void)in_text(in, &m[DESCRIPTION], LIMIT_NAME_BYTES, &out->value.description);
	out->disabled_given = in_bool(in, &m[DISABLED], &out->disabled);
	struct slice_list older = {NULL, 0};
	(void)in_names(in, &m[TYPES], LIMIT_EVENT_TYPES, &out->value.event_types);
	(void)in_names(in, &m[TYPES_OLD], LIMIT_EVENT_TYPES, &older);
	if (member_null(&m[TYPES]))
		out->value.event_types = older;
	(void)in_names(in, &m[CHANNELS], LIMIT_CHANNELS, &out->value.channels);
	(void)in_uid(in, &m[UID], ID_ENDPOINT, &out->value.uid);
	(void)in_text(in, &m[SECRET], SECRET_BYTES_MAX, &out->secret);
	in_throttle(in, &m[RATE], &m[RATE_OLD], &out->value.throttle_rate);
	int64_t version = 1;
	(void)in_integer(in, &m[VERSION], 1, VERSION_MAX, &version);
	out->value.version = (int32_t)version;
	(void)in_metadata(in, &m[METADATA], &out->value.metadata);
	if (out->headers_given)
		out->value.headers = read_headers(in, &m[HEADERS]).raw;
	read_signing(in, &m[STYLE], &m[SCHEME], &m[KEY_TYPE], out);
	read_key_scope(in, &m[KEY_SCOPE], out);
	read_schedule(in, &m[SCHEDULE], &out->value.schedule);
	int64_t heartbeat_s = 0;
	(void)in_integer(in, &m[HEARTBEAT], 1, LIMIT_HEARTBEAT_S, &heartbeat_s);
	out->value.heartbeat_s = (int32_t)heartbeat_s;
	endpoint_in_owners(in, object, out);
	struct slice order;
	if (in_text(in, &m[ORDERING], SIZE_MAX, &order) && !delivery_order_parse(order, &out->value.order))
		name_fault(in, &m[ORDERING], "none, resource, endpoint");
}

void
endpoint_in_apply(const struct endpoint_in *in, struct endpoint *endpoint)
{
	if (in->url_given)
		endpoint->url = in->value.url;
	if (in->description_given)
		endpoint->description = in->value.description;
	if (in->uid_given)
		endpoint->uid = in->value.uid;
	if (in->event_types_given)
		endpoint->event_types = in->value.event_types;
	if (in->channels_given)
		endpoint->channels = in->value.channels;
	if (in->metadata_given)
		endpoint->metadata = in->value.metadata;
	if (in->headers_given)
		endpoint->headers = in->value.headers;
	if (in->throttle_rate_given)
		endpoint->throttle_rate = in->value.throttle_rate;
	if (in->version_given)
		endpoint->version = in->value.version;
	if (in->style_given)
		endpoint->payload_style = in->value.payload_style;
	if (in->schedule_given)
		endpoint->schedule = in->value.schedule;
	if (in->owners_given)
		memcpy(endpoint->owners, in->value.owners, sizeof endpoint->owners);
	if (in->heartbeat_given)
		endpoint->heartbeat_s = in->value.heartbeat_s;
	if (in->order_given)
		endpoint->order = in->value.order;
}

void
operational_types_check(const struct in *in, const struct slice_list *types)
{
	static const char *const names[] = {"endpoint.created", "endpoint.updated", "endpoint.deleted",
	    "endpoint.disabled", "endpoint.enabled", "message.attempt.failing", "message.attempt.exhausted",
	    "message.attempt.recovered", "message.attempt.log", "background_task.finished"};
	for (size_t i = 0; i < types->count; i++) {
		bool known = false;
		for (size_t at = 0; at < COUNT_OF(names); at++)
			known = known || slice_is(types->items[i], names[at]);
		if (!known)
			check_fail(in->check, CHECK_VALUE, "eventTypes",
			    "Item %zu of eventTypes is none of the operational event types.", i);
	}
}
