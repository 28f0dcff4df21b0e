/* Readers of members, and the small inputs. */
#include "server/in.h"

enum { THROTTLE_MAX = 65535, GRACE_S_MAX = 604800, GRACE_S_DEFAULT = 86400 };

void
members_find(struct json object, struct member *members, size_t count)
{
	struct json_iterator iterator = json_iterate(object);
	struct json key, value;
	while (json_next(&iterator, &key, &value))
		for (size_t i = 0; i < count; i++)
			if (json_text_is(key, slice_of(members[i].name))) {
				members[i].value = value;
				break;
			}
}

static bool
type_fault(const struct in *in, const struct member *member, const char *wanted)
{
	check_fail(in->check, CHECK_DECODE, member->name, "%s must be %s, not %s.", member->name, wanted,
	    json_type_name(member->value.type));
	return false;
}

void
in_required(const struct in *in, const struct member *member)
{
	if (!member_given(member))
		check_fail(in->check, CHECK_DECODE, member->name, "%s is required.", member->name);
	else if (member->value.type == JSON_NULL)
		check_fail(in->check, CHECK_DECODE, member->name, "%s must not be null.", member->name);
}

bool
in_text(const struct in *in, const struct member *member, size_t bytes_max, struct slice *out)
{
	if (member_null(member))
		return false;
	if (member->value.type != JSON_STRING)
		return type_fault(in, member, "a string");
	struct slice text = json_text(in->arena, member->value);
	if (text.len > bytes_max) {
		check_fail(
		    in->check, CHECK_VALUE, member->name, "%s may have at most %zu bytes.", member->name, bytes_max);
		return false;
	}
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= 8) {
			check_fail(
			    in->check, CHECK_VALUE, member->name, "%s must not hold control characters.", member->name);
			return false;
		}
	*out = text;
	return true;
}

bool
in_uid(const struct in *in, const struct member *member, enum id_kind kind, struct slice *out)
{
	struct slice text;
	if (!in_text(in, member, SIZE_MAX, &text))
		return false;
	const char *prefix = kind == ID_KIND_COUNT ? NULL : id_prefix(kind);
	if (prefix == NULL && !uid_valid(text, NULL)) {
		check_fail(in->check, CHECK_VALUE, member->name, "%s must be 1 to %d of a-z, A-Z, 0-9, -, _ and ..",
		    member->name, LIMIT_UID_BYTES);
		return false;
	}
	if (!uid_valid(text, prefix)) {
		check_fail(in->check, CHECK_VALUE, member->name,
		    "%s must be 1 to %d of a-z, A-Z, 0-9, -, _ and ., and must not start with %s.", member->name,
		    LIMIT_UID_BYTES, prefix);
		return false;
	}
	*out = text;
	return true;
}

bool
in_bool(const struct in *in, const struct member *member, bool *out)
{
	if (member_null(member))
		return false;
	if (member->value.type != JSON_TRUE && member->value.type != JSON_FALSE)
		return type_fault(in, member, "true or false");
	*out = member->value.type == JSON_TRUE;
	return true;
}

bool
in_integer(const struct in *in, const struct member *member, int64_t min, int64_t max, int64_t *out)
{
	if (member_null(member))
		return false;
	int64_t value;
	if (!json_int64(member->value, &value))
		return type_fault(in, member, "an integer");
	if (value < min || value > max) {
		check_fail(in->check, CHECK_VALUE, member->name, "%s must be between %lld and %lld.", member->name,
		    (long long)min, (long long)max);
		return false;
	}
	*out = value;
	return true;
}

bool
in_time(const struct in *in, const struct member *member, struct wall_time *out)
{
	struct slice text;
	if (!in_text(in, member, SIZE_MAX, &text))
		return false;
	if (!time_parse(text, out)) {
		check_fail(
		    in->check, CHECK_DECODE, member->name, "%s must be a date and time of RFC 3339.", member->name);
		return false;
	}
	return true;
}

bool
in_names(const struct in *in, const struct member *member, size_t count_max, struct slice_list *out)
{
	if (member_null(member))
		return false;
	if (member->value.type != JSON_ARRAY)
		return type_fault(in, member, "an array of strings");
	size_t count = json_count(member->value);
	if (count == 0 || count > count_max) {
		check_fail(in->check, CHECK_VALUE, member->name,
		    "%s must have 1 to %zu items; leave it out or say null for all.", member->name, count_max);
		return false;
	}
	struct slice_list list = {arena_alloc(in->arena, count * sizeof(struct slice)), 0};
	struct json_iterator iterator = json_iterate(member->value);
	struct json key, item;
	while (json_next(&iterator, &key, &item)) {
		if (item.type != JSON_STRING) {
			check_fail(in->check, CHECK_DECODE, member->name, "Item %zu of %s must be a string, not %s.",
			    list.count, member->name, json_type_name(item.type));
			return false;
		}
		struct slice text = json_text(in->arena, item);
		if (!uid_valid(text, NULL)) {
			check_fail(in->check, CHECK_VALUE, member->name,
			    "Item %zu of %s must be 1 to %d of a-z, A-Z, 0-9, -, _ and ..", list.count, member->name,
			    LIMIT_UID_BYTES);
			return false;
		}
		if (!slice_list_has(list, text))
			list.items[list.count++] = text;
	}
	*out = list;
	return true;
}

bool
in_metadata(const struct in *in, const struct member *member, struct slice *out)
{
	if (member_null(member))
		return false;
	if (member->value.type != JSON_OBJECT)
		return type_fault(in, member, "an object of strings");
	if (member->value.raw.len > LIMIT_METADATA_BYTES) {
		check_fail(in->check, CHECK_VALUE, member->name, "%s may have at most %d bytes.", member->name,
		    LIMIT_METADATA_BYTES);
		return false;
	}
	struct json_iterator iterator = json_iterate(member->value);
	struct json key, value;
	while (json_next(&iterator, &key, &value))
		if (value.type != JSON_STRING)
			return type_fault(in, &(struct member){member->name, value}, "an object of strings");
	if (json_has_duplicates(member->value)) {
		check_fail(in->check, CHECK_VALUE, member->name, "A name stands twice in %s.", member->name);
		return false;
	}
	*out = arena_copy(in->arena, member->value.raw);
	return true;
}

/* The deprecated alias counts when the member itself is not given. */
void
in_throttle(const struct in *in, const struct member *rate, const struct member *alias, int32_t *out)
{
	int64_t value = 0, older = 0;
	(void)in_integer(in, rate, 1, THROTTLE_MAX, &value);
	(void)in_integer(in, alias, 1, THROTTLE_MAX, &older);
	*out = (int32_t)(member_given(rate) ? value : older);
}

/* --- organisations ----------------------------------------------------------------------------------- */

void
organisation_in_read(const struct in *in, struct json object, struct organisation_in *out)
{
	enum { NAME, UID, RATE, RATE_ALIAS, METADATA };
	struct member members[] = {
	    {.name = "name"}, {.name = "uid"}, {.name = "throttleRate"}, {.name = "rateLimit"}, {.name = "metadata"}};
	members_find(object, members, COUNT_OF(members));
	bool all = !in->patch;
	*out = (struct organisation_in){
	    .value.metadata = SLICE("{}"),
	    .name_given = all || member_given(&members[NAME]),
	    .uid_given = all || member_given(&members[UID]),
	    .throttle_rate_given = all || member_given(&members[RATE]) || member_given(&members[RATE_ALIAS]),
	    .metadata_given = all || member_given(&members[METADATA]),
	};
	if (out->name_given)
		in_required(in, &members[NAME]);
	if (in_text(in, &members[NAME], LIMIT_NAME_BYTES, &out->value.name) && out->value.name.len == 0)
		check_fail(in->check, CHECK_VALUE, "name", "name must not be empty.");
	(void)in_uid(in, &members[UID], ID_ORGANISATION, &out->value.uid);
	in_throttle(in, &members[RATE], &members[RATE_ALIAS], &out->value.throttle_rate);
	(void)in_metadata(in, &members[METADATA], &out->value.metadata);
	organisation_in_services(in, object, out);
}

void
organisation_in_apply(const struct organisation_in *in, struct organisation *organisation)
{
	if (in->name_given)
		organisation->name = in->value.name;
	if (in->uid_given)
		organisation->uid = in->value.uid;
	if (in->throttle_rate_given)
		organisation->throttle_rate = in->value.throttle_rate;
	if (in->metadata_given)
		organisation->metadata = in->value.metadata;
	if (in->services_given) {
		organisation->services_limited = in->value.services_limited;
		organisation->services = in->value.services;
	}
	if (in->environment_given)
		organisation->environment = in->value.environment;
	if (in->retention_given)
		organisation->retention_days = in->value.retention_days;
	if (in->redactions_given)
		organisation->redactions = in->value.redactions;
}

/* --- keys -------------------------------------------------------------------------------------------- */

void
rotate_in_read(const struct in *in, struct json object, bool public, struct rotate_in *out)
{
	struct member members[] = {{.name = "key"}, {.name = "gracePeriodSeconds"}, {.name = "keyType"}};
	members_find(object, members, COUNT_OF(members));
	*out = (struct rotate_in){.key = SLICE_NONE, .grace_s = GRACE_S_DEFAULT};
	(void)in_integer(in, &members[1], 0, GRACE_S_MAX, &out->grace_s);
	if (!public) {
		(void)in_text(in, &members[0], LIMIT_NAME_BYTES, &out->key);
		return;
	}
	struct slice type;
	if (!in_text(in, &members[2], SIZE_MAX, &type))
		return;
	out->key_type_given = key_type_parse(type, &out->key_type) && out->key_type != KEY_HMAC;
	if (!out->key_type_given)
		check_fail(in->check, CHECK_VALUE, "keyType", "keyType must be one of ed25519, ecdsa-p256.");
}
