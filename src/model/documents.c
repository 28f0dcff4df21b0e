/* The stored form of configuration: one JSON document each, and deep copies.
 *
 * Absent optional members are left out. Reading takes only what it knows: a document written by a newer program
 * of the same schema version still reads. */
#include "base/encode.h"
#include "model/authentication.h"
#include "model/model.h"

enum { DESCRIPTION_BYTES_MAX = 256 << 10 };

/* --- writing ---------------------------------------------------------------------------------------- */

static void
put_optional(struct json_writer *w, const char *name, struct slice value)
{
	if (slice_present(value))
		json_put_string(w, name, value);
}

static void
put_raw(struct json_writer *w, const char *name, struct slice value)
{
	if (!slice_present(value))
		return;
	json_key(w, name);
	json_raw(w, value);
}

static void
put_items(struct json_writer *w, const char *name, struct slice_list list)
{
	json_key(w, name);
	json_open(w, '[');
	for (size_t i = 0; i < list.count; i++)
		json_string(w, list.items[i]);
	json_close(w);
}

static void
put_list(struct json_writer *w, const char *name, struct slice_list list)
{
	if (list.count > 0)
		put_items(w, name, list);
}

static void
put_times(struct json_writer *w, struct wall_time created, struct wall_time updated)
{
	json_put_integer(w, "created", created.us);
	json_put_integer(w, "updated", updated.us);
}

static void
put_base64(struct json_writer *w, const char *name, struct slice bytes)
{
	if (!slice_present(bytes))
		return;
	struct buf text;
	buf_init(&text, bytes.len * 2 + 16);
	base64_append(&text, bytes);
	json_put_string(w, name, buf_slice(&text));
	buf_free(&text);
}

static void
put_keys(struct json_writer *w, const struct endpoint_key *keys, size_t count, bool shown)
{
	json_key(w, "keys");
	json_open(w, '[');
	for (size_t i = 0; i < count; i++) {
		const struct endpoint_key *key = &keys[i];
		json_open(w, '{');
		json_put_cstring(w, "type", key_type_name(key->type));
		if (!shown) {
			put_base64(w, "sealed", key->sealed);
		}
		json_put_integer(w, "created", key->created.us);
		json_put_integer(w, "expires", key->expires.us);
		json_close(w);
	}
	json_close(w);
}

static void
put_organisation(const struct organisation *organisation, bool shown, struct buf *out)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_open(&w, '{');
	json_put_string(&w, "name", organisation->name);
	put_optional(&w, "uid", organisation->uid);
	json_put_integer(&w, "throttle_rate", organisation->throttle_rate);
	put_raw(&w, "metadata", organisation->metadata);
	if (organisation->services_limited)
		put_items(&w, "services", organisation->services);
	json_put_cstring(&w, "environment", environment_name(organisation->environment));
	if (organisation->governance.aspects != 0 || slice_present(organisation->governance.contact) ||
	    slice_present(organisation->governance.notice) || organisation->governance.cool_off_s != 0) {
		json_key(&w, "governance");
		governance_write(&w, &organisation->governance);
	}
	if (organisation->twin.value != 0)
		json_put_integer(&w, "twin", organisation->twin.value);
	if (organisation->retention_days != 0)
		json_put_integer(&w, "retention_days", organisation->retention_days);
	put_raw(&w, "redactions", organisation->redactions);
	if (organisation->key_count > 0)
		put_keys(&w, organisation->keys, organisation->key_count, shown);
	put_times(&w, organisation->created, organisation->updated);
	json_close(&w);
}

void
organisation_encode(const struct organisation *organisation, struct buf *out)
{
	put_organisation(organisation, false, out);
}

void
organisation_describe(const struct organisation *organisation, struct buf *out)
{
	put_organisation(organisation, true, out);
}

void
organisation_keys_write(const struct organisation *organisation, bool shown, struct buf *out)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_open(&w, '{');
	put_keys(&w, organisation->keys, organisation->key_count, shown);
	json_close(&w);
}

static void
put_authentication(struct json_writer *w, const struct endpoint *endpoint, bool shown)
{
	if (!slice_present(endpoint->authentication))
		return;
	json_key(w, "authentication");
	if (!shown) {
		json_raw(w, endpoint->authentication);
		put_base64(w, "authentication_sealed", endpoint->authentication_sealed);
		return;
	}
	struct buf text;
	buf_init(&text, DESCRIPTION_BYTES_MAX);
	authentication_describe(endpoint->authentication, &text);
	json_raw(w, buf_slice(&text));
	buf_free(&text);
}

static void
put_owners(struct json_writer *w, const struct endpoint *endpoint)
{
	json_key(w, "owners");
	json_open(w, '{');
	for (int duty = 0; duty < DUTY_COUNT; duty++) {
		const struct owner *owner = &endpoint->owners[duty];
		if (!slice_present(owner->team))
			continue;
		json_key(w, duty_name((enum duty)duty));
		json_open(w, '{');
		json_put_string(w, "team", owner->team);
		put_optional(w, "contact", owner->contact);
		json_close(w);
	}
	json_close(w);
}

/* The names stay, and the values of those that hold no secret. */
static void
put_headers_shown(struct json_writer *w, struct slice headers)
{
	if (headers.len == 0)
		return;
	struct arena arena = ARENA_EMPTY;
	struct json_iterator iterator = json_iterate((struct json){JSON_OBJECT, headers});
	struct json key, value;
	json_key(w, "headers");
	json_open(w, '{');
	while (json_next(&iterator, &key, &value)) {
		struct slice name = json_text(&arena, key);
		json_key_slice(w, name);
		json_raw(w, header_name_sensitive(name) ? SLICE("\"(secret)\"") : value.raw);
	}
	json_close(w);
	arena_free(&arena);
}

static void
put_endpoint(const struct endpoint *endpoint, bool shown, struct buf *out)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_open(&w, '{');
	json_put_string(&w, "url", endpoint->url);
	json_put_string(&w, "description", endpoint->description);
	put_optional(&w, "uid", endpoint->uid);
	put_list(&w, "event_types", endpoint->event_types);
	put_list(&w, "channels", endpoint->channels);
	put_raw(&w, "metadata", endpoint->metadata);
	if (shown)
		put_headers_shown(&w, endpoint->headers);
	else
		put_raw(&w, "headers", endpoint->headers);
	json_put_integer(&w, "throttle_rate", endpoint->throttle_rate);
	json_put_integer(&w, "version", endpoint->version);
	json_put_cstring(&w, "payload_style", payload_style_name(endpoint->payload_style));
	json_put_cstring(&w, "scheme", sign_scheme_name(endpoint->scheme));
	json_put_cstring(&w, "order", delivery_order_name(endpoint->order));
	put_optional(&w, "schedule", endpoint->schedule);
	if (endpoint->heartbeat_s != 0)
		json_put_integer(&w, "heartbeat_s", endpoint->heartbeat_s);
	if (!shown && endpoint->warned != 0)
		json_put_integer(&w, "warned", endpoint->warned);
	if (endpoint->key_scope != KEY_SCOPE_ENDPOINT)
		json_put_cstring(&w, "key_scope", key_scope_name(endpoint->key_scope));
	put_keys(&w, endpoint->keys, endpoint->key_count, shown);
	put_authentication(&w, endpoint, shown);
	put_owners(&w, endpoint);
	if (slice_present(endpoint->verification.challenge)) {
		json_key(&w, "verification");
		verification_write(&w, &endpoint->verification, shown);
	}
	if (shown)
		json_put_cstring(&w, "state", endpoint_state_name(endpoint->state));
	put_times(&w, endpoint->created, endpoint->updated);
	json_close(&w);
}

void
endpoint_encode(const struct endpoint *endpoint, struct buf *out)
{
	put_endpoint(endpoint, false, out);
}

void
endpoint_describe(const struct endpoint *endpoint, struct buf *out)
{
	put_endpoint(endpoint, true, out);
}

void
token_describe(const struct token *token, struct buf *out)
{
	char time[TIME_TEXT_BYTES];
	struct json_writer w;
	json_writer_init(&w, out);
	json_open(&w, '{');
	json_put_cstring(&w, "name", token->name);
	json_put_cstring(&w, "role", role_name(token->role));
	json_put_cstring(&w, "expires", token->expires.us == 0 ? NULL : time_format(token->expires, 6, time));
	if (token->scope[0] != '\0')
		json_put_cstring(&w, "scope", token->scope);
	json_close(&w);
}

void
event_type_encode(const struct event_type *type, struct buf *out)
{
	struct json_writer w;
	json_writer_init(&w, out);
	json_open(&w, '{');
	json_put_string(&w, "name", type->name);
	json_put_string(&w, "description", type->description);
	json_put_bool(&w, "archived", type->archived);
	json_put_bool(&w, "deprecated", type->deprecated);
	put_raw(&w, "schemas", type->schemas);
	put_optional(&w, "feature_flag", type->feature_flag);
	put_times(&w, type->created, type->updated);
	json_close(&w);
}

/* --- reading ---------------------------------------------------------------------------------------- */

/* A document being read. `broken` is sticky: the first member that is not of its type. */
struct reader {
	struct json object;
	struct arena *arena;
	const char *broken;
};

static struct json
take(struct reader *r, const char *name, enum json_type type)
{
	struct json value = json_member(r->object, name);
	if (json_present(value) && value.type != type && r->broken == NULL)
		r->broken = name;
	return json_present(value) && value.type == type ? value : JSON_ABSENT;
}

static struct slice
take_text(struct reader *r, const char *name)
{
	struct json value = take(r, name, JSON_STRING);
	return json_present(value) ? json_text(r->arena, value) : SLICE_NONE;
}

static struct slice
take_required(struct reader *r, const char *name)
{
	struct slice text = take_text(r, name);
	if (!slice_present(text) && r->broken == NULL)
		r->broken = name;
	return slice_present(text) ? text : SLICE("");
}

static int64_t
take_integer(struct reader *r, const char *name)
{
	struct json value = take(r, name, JSON_NUMBER);
	int64_t integer = 0;
	if (json_present(value) && !json_int64(value, &integer) && r->broken == NULL)
		r->broken = name;
	return integer;
}

static bool
take_bool(struct reader *r, const char *name)
{
	return json_member(r->object, name).type == JSON_TRUE;
}

static struct slice
take_raw(struct reader *r, const char *name)
{
	struct json value = take(r, name, JSON_OBJECT);
	return json_present(value) ? arena_copy(r->arena, value.raw) : SLICE_NONE;
}

static struct slice_list
take_list(struct reader *r, const char *name)
{
	struct json value = take(r, name, JSON_ARRAY);
	struct slice_list list = {NULL, 0};
	if (!json_present(value))
		return list;
	list.items = arena_alloc(r->arena, json_count(value) * sizeof list.items[0]);
	struct json_iterator iterator = json_iterate(value);
	struct json key, item;
	while (json_next(&iterator, &key, &item)) {
		if (item.type == JSON_STRING)
			list.items[list.count++] = json_text(r->arena, item);
		else if (r->broken == NULL)
			r->broken = name;
	}
	return list;
}

static enum error_code
open_document(struct reader *r, struct slice doc, struct arena *arena, const char *what, struct error *error)
{
	*r = (struct reader){.arena = arena};
	enum error_code code = json_parse(doc, LIMIT_JSON_DEPTH, &r->object, error);
	if (code != OK || r->object.type != JSON_OBJECT)
		return error_set(error, ERR_CORRUPT, "the stored document of %s is not a JSON object", what);
	return OK;
}

static enum error_code
close_document(const struct reader *r, const char *what, struct error *error)
{
	if (r->broken != NULL)
		return error_set(error, ERR_CORRUPT, "member \"%s\" in the stored document of %s is not as we write it",
		    r->broken, what);
	return OK;
}

static void
take_keys(struct reader *r, struct endpoint_key *out, size_t *count)
{
	struct json keys = take(r, "keys", JSON_ARRAY);
	if (!json_present(keys))
		return;
	struct json_iterator iterator = json_iterate(keys);
	struct json name, item;
	while (json_next(&iterator, &name, &item) && *count < LIMIT_SECRETS) {
		if (item.type != JSON_OBJECT) {
			r->broken = "keys";
			return;
		}
		struct reader inner = {.object = item, .arena = r->arena};
		struct endpoint_key key = {
		    .sealed = base64_decode(r->arena, take_required(&inner, "sealed"), false),
		    .created = {take_integer(&inner, "created")},
		    .expires = {take_integer(&inner, "expires")},
		};
		if (!key_type_parse(take_required(&inner, "type"), &key.type) || !slice_present(key.sealed))
			inner.broken = "keys";
		if (inner.broken != NULL)
			r->broken = "keys";
		out[(*count)++] = key;
	}
}

enum error_code
organisation_decode(struct slice doc, struct arena *arena, struct organisation *out, struct error *error)
{
	static const char what[] = "an organisation";
	struct reader r;
	enum error_code code = open_document(&r, doc, arena, what, error);
	if (code != OK)
		return code;
	*out = (struct organisation){
	    .name = take_required(&r, "name"),
	    .uid = take_text(&r, "uid"),
	    .throttle_rate = (int32_t)take_integer(&r, "throttle_rate"),
	    .metadata = take_raw(&r, "metadata"),
	    .twin = {take_integer(&r, "twin")},
	    .retention_days = (int32_t)take_integer(&r, "retention_days"),
	    .redactions = take_raw(&r, "redactions"),
	    .created = {take_integer(&r, "created")},
	    .updated = {take_integer(&r, "updated")},
	};
	/* Documents of before there were services and environments have none. */
	out->services_limited = json_present(json_member(r.object, "services"));
	out->services = take_list(&r, "services");
	struct slice environment = take_text(&r, "environment");
	if (slice_present(environment) && !environment_parse(environment, &out->environment))
		r.broken = "environment";
	struct json governance = take(&r, "governance", JSON_OBJECT);
	if (json_present(governance) && !governance_read(governance, arena, &out->governance))
		r.broken = "governance";
	take_keys(&r, out->keys, &out->key_count);
	return close_document(&r, what, error);
}

bool
organisation_keys_read(struct slice doc, struct arena *arena, struct organisation *out)
{
	struct reader r;
	if (open_document(&r, doc, arena, "an organisation's keys", NULL) != OK)
		return false;
	out->key_count = 0;
	take_keys(&r, out->keys, &out->key_count);
	return r.broken == NULL;
}

static void
take_owners(struct reader *r, struct endpoint *out)
{
	struct json owners = take(r, "owners", JSON_OBJECT);
	for (int duty = 0; json_present(owners) && duty < DUTY_COUNT; duty++) {
		struct json owner = json_member(owners, duty_name((enum duty)duty));
		if (!json_present(owner) || owner.type != JSON_OBJECT)
			continue;
		struct reader inner = {.object = owner, .arena = r->arena};
		out->owners[duty] = (struct owner){take_required(&inner, "team"), take_text(&inner, "contact")};
		if (inner.broken != NULL)
			r->broken = "owners";
	}
}

static void
take_authentication(struct reader *r, struct endpoint *out)
{
	out->authentication = take_raw(r, "authentication");
	struct slice sealed = take_text(r, "authentication_sealed");
	if (slice_present(sealed))
		out->authentication_sealed = base64_decode(r->arena, sealed, false);
	if (slice_present(sealed) && !slice_present(out->authentication_sealed))
		r->broken = "authentication_sealed";
}

enum error_code
endpoint_decode(struct slice doc, struct arena *arena, struct endpoint *out, struct error *error)
{
	static const char what[] = "an endpoint";
	struct reader r;
	enum error_code code = open_document(&r, doc, arena, what, error);
	if (code != OK)
		return code;
	*out = (struct endpoint){
	    .url = take_required(&r, "url"),
	    .description = take_required(&r, "description"),
	    .uid = take_text(&r, "uid"),
	    .event_types = take_list(&r, "event_types"),
	    .channels = take_list(&r, "channels"),
	    .metadata = take_raw(&r, "metadata"),
	    .headers = take_raw(&r, "headers"),
	    .throttle_rate = (int32_t)take_integer(&r, "throttle_rate"),
	    .version = (int32_t)take_integer(&r, "version"),
	    .schedule = take_text(&r, "schedule"),
	    .created = {take_integer(&r, "created")},
	    .updated = {take_integer(&r, "updated")},
	};
	if (!payload_style_parse(take_required(&r, "payload_style"), &out->payload_style))
		r.broken = "payload_style";
	if (!sign_scheme_parse(take_required(&r, "scheme"), &out->scheme))
		r.broken = "scheme";
	out->warned = (int32_t)take_integer(&r, "warned");
	out->heartbeat_s = (int32_t)take_integer(&r, "heartbeat_s");
	/* Documents of before there was an order have none. */
	struct slice order = take_text(&r, "order");
	if (slice_present(order) && !delivery_order_parse(order, &out->order))
		r.broken = "order";
	take_keys(&r, out->keys, &out->key_count);
	struct slice scope = take_text(&r, "key_scope");
	if (slice_present(scope) && !key_scope_parse(scope, &out->key_scope))
		r.broken = "key_scope";
	take_authentication(&r, out);
	take_owners(&r, out);
	struct json verification = take(&r, "verification", JSON_OBJECT);
	if (json_present(verification) && !verification_read(verification, arena, &out->verification))
		r.broken = "verification";
	return close_document(&r, what, error);
}

enum error_code
event_type_decode(struct slice doc, struct arena *arena, struct event_type *out, struct error *error)
{
	static const char what[] = "an event type";
	struct reader r;
	enum error_code code = open_document(&r, doc, arena, what, error);
	if (code != OK)
		return code;
	*out = (struct event_type){
	    .name = take_required(&r, "name"),
	    .description = take_required(&r, "description"),
	    .archived = take_bool(&r, "archived"),
	    .deprecated = take_bool(&r, "deprecated"),
	    .schemas = take_raw(&r, "schemas"),
	    .feature_flag = take_text(&r, "feature_flag"),
	    .created = {take_integer(&r, "created")},
	    .updated = {take_integer(&r, "updated")},
	};
	return close_document(&r, what, error);
}

/* --- copies ----------------------------------------------------------------------------------------- */

struct organisation
organisation_copy(struct arena *arena, const struct organisation *from)
{
	struct organisation copy = *from;
	copy.name = arena_copy(arena, from->name);
	copy.uid = arena_copy(arena, from->uid);
	copy.metadata = arena_copy(arena, from->metadata);
	copy.services = arena_list(arena, from->services);
	copy.governance = governance_copy(arena, &from->governance);
	copy.redactions = arena_copy(arena, from->redactions);
	for (size_t i = 0; i < from->key_count; i++)
		copy.keys[i].sealed = arena_copy(arena, from->keys[i].sealed);
	return copy;
}

struct endpoint
endpoint_copy(struct arena *arena, const struct endpoint *from)
{
	struct endpoint copy = *from;
	copy.url = arena_copy(arena, from->url);
	copy.description = arena_copy(arena, from->description);
	copy.uid = arena_copy(arena, from->uid);
	copy.event_types = arena_list(arena, from->event_types);
	copy.channels = arena_list(arena, from->channels);
	copy.metadata = arena_copy(arena, from->metadata);
	copy.headers = arena_copy(arena, from->headers);
	copy.schedule = arena_copy(arena, from->schedule);
	copy.verification = verification_copy(arena, &from->verification);
	copy.authentication = arena_copy(arena, from->authentication);
	copy.authentication_sealed = arena_copy(arena, from->authentication_sealed);
	for (size_t i = 0; i < from->key_count; i++)
		copy.keys[i].sealed = arena_copy(arena, from->keys[i].sealed);
	for (size_t i = 0; i < DUTY_COUNT; i++) {
		copy.owners[i].team = arena_copy(arena, from->owners[i].team);
		copy.owners[i].contact = arena_copy(arena, from->owners[i].contact);
	}
	return copy;
}

struct event_type
event_type_copy(struct arena *arena, const struct event_type *from)
{
	struct event_type copy = *from;
	copy.name = arena_copy(arena, from->name);
	copy.description = arena_copy(arena, from->description);
	copy.schemas = arena_copy(arena, from->schemas);
	copy.feature_flag = arena_copy(arena, from->feature_flag);
	return copy;
}
