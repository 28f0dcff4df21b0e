/* Inputs: from a JSON object to a struct, strictly. A wrong type is a fault, never a guess; members that are not
 * known are ignored, as clients newer than this server may send them. Pure. */
#ifndef SERVER_IN_H
#define SERVER_IN_H

#include "config/config.h"
#include "model/model.h"
#include "server/check.h"

struct in {
	struct arena *arena; /* results live here */
	struct check *check;
	bool patch; /* members that are not given stay as they are; else they take their default */
};

/* `*_given`: is to be written. Without `patch` that is everything that a replacement sets. */
struct organisation_in {
	struct organisation value;
	bool name_given, uid_given, throttle_rate_given, metadata_given;
	bool services_given, environment_given, retention_given, redactions_given; /* only when the caller wrote them */
};
void organisation_in_read(const struct in *in, struct json object, struct organisation_in *out);
void organisation_in_apply(const struct organisation_in *in, struct organisation *organisation);

struct endpoint_in {
	struct endpoint value;
	bool url_given, description_given, uid_given, event_types_given, channels_given, metadata_given;
	bool headers_given, throttle_rate_given, version_given, style_given, schedule_given, order_given;
	bool heartbeat_given;
	bool owners_given; /* only when the caller wrote them */
	/* Only when the caller wrote them, in a replacement too: what they default to depends on what is there. */
	bool disabled_given, disabled, scheme_given, key_type_given, key_scope_given;
	enum key_type key_type;
	struct slice secret; /* absent: none given */
};
void endpoint_in_read(const struct in *in, struct json object, const struct config *config, struct endpoint_in *out);
/* The platform's own endpoints get what happens to endpoints and attempts, by names of their own. */
void operational_types_check(const struct in *in, const struct slice_list *types);
/* Everything but keys, their scope, scheme and state. */
void endpoint_in_apply(const struct endpoint_in *in, struct endpoint *endpoint);

struct rotate_in {
	struct slice key; /* absent: generate one */
	int64_t grace_s;
	bool key_type_given; /* organisations only */
	enum key_type key_type;
};
/* `public`: the key of an organisation, which is generated and has a public half. */
void rotate_in_read(const struct in *in, struct json object, bool public, struct rotate_in *out);

/* Custom headers `{"headers": {name: value}}`; a value null, in a patch only, removes the name. */
struct json headers_in_read(const struct in *in, struct json object);
bool header_name_allowed(struct slice name);

struct event_type_in {
	struct event_type value;
	bool description_given, archived_given, deprecated_given, schemas_given, feature_flag_given;
};
/* `named`: the name is a member of the body (create), else it stands in the path. */
void event_type_in_read(const struct in *in, struct json object, bool named, struct event_type_in *out);
void event_type_in_apply(const struct event_type_in *in, struct event_type *type);

/* Fills the message (in its own arena) and, when `application` is given, `*organisation` (in in->arena), whose uid
 * must be `path_ref`. */
void message_in_read(const struct in *in, struct json object, struct slice path_ref, struct message *message,
    struct organisation **organisation);

/* An endpoint's URL: lower-case scheme and host, default port left out, path at least "/", fragment cut.
 * Absent on error, with the reason. */
struct slice url_normalise(struct arena *arena, struct slice text, const char **reason);

/* in_authentication.c: how an endpoint is authenticated to. Whether certificates, keys and authorities can be used, belong
 * together and are valid now is judged here. */
struct endpoint_authentication;
void authentication_in_read(const struct in *in, struct json object, const struct config *config, struct wall_time now,
    struct endpoint_authentication *out);

/* in_governance.c: what this server adds to the wire contract's members. */
void organisation_in_services(const struct in *in, struct json object, struct organisation_in *out);
void endpoint_in_owners(const struct in *in, struct json object, struct endpoint_in *out);

/* --- readers of members, for the files of this module ------------------------------------------------- */

struct member {
	const char *name;
	struct json value; /* absent: not given */
};
/* One walk over the object, so that a large member is passed over once. */
void members_find(struct json object, struct member *members, size_t count);
static inline bool
member_given(const struct member *member)
{
	return json_present(member->value);
}
static inline bool
member_null(const struct member *member)
{
	return !json_present(member->value) || member->value.type == JSON_NULL;
}
/* Each: null or not given leaves `*out` as it is; a fault adds to the check. True when a good value was read. */
bool in_text(const struct in *in, const struct member *member, size_t bytes_max, struct slice *out);
bool in_uid(const struct in *in, const struct member *member, enum id_kind kind, struct slice *out);
bool in_bool(const struct in *in, const struct member *member, bool *out);
bool in_integer(const struct in *in, const struct member *member, int64_t min, int64_t max, int64_t *out);
bool in_time(const struct in *in, const struct member *member, struct wall_time *out);
bool in_names(const struct in *in, const struct member *member, size_t count_max, struct slice_list *out);
bool in_metadata(const struct in *in, const struct member *member, struct slice *out);
void in_throttle(const struct in *in, const struct member *rate, const struct member *alias, int32_t *out);
void in_required(const struct in *in, const struct member *member);

#endif
