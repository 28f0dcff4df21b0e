/* MessageIn. The payload's bytes are taken as they stand: nothing here prints JSON anew. */
#include "server/in.h"

#include "model/versions.h"

enum { RETENTION_DAYS_MIN = 5, RETENTION_DAYS_MAX = 90 };

static void
read_application(const struct in *in, struct json value, struct slice path_ref, struct organisation **out)
{
	if (value.type != JSON_OBJECT) {
		check_fail(in->check, CHECK_DECODE, "application", "application must be an object, not %s.",
		    json_type_name(value.type));
		return;
	}
	struct organisation_in read;
	in->check->within = "application";
	organisation_in_read(&(struct in){in->arena, in->check, false}, value, &read);
	if (in->check->count == 0 && !slice_present(read.value.uid))
		check_fail(in->check, "application_uid_missing", "uid", "application must have the uid of the path.");
	else if (in->check->count == 0 && !slice_equal(read.value.uid, path_ref))
		check_fail(in->check, "application_uid_mismatch", "uid", "uid must be the one in the path.");
	in->check->within = NULL;
	if (in->check->count > 0)
		return;
	*out = arena_alloc(in->arena, sizeof **out);
	**out = read.value;
}

/* A string that is sent as the body, verbatim, in place of the payload. */
static void
read_raw_payload(const struct in *in, const struct member *parameters, struct slice *payload)
{
	if (member_null(parameters))
		return;
	if (parameters->value.type != JSON_OBJECT) {
		check_fail(in->check, CHECK_DECODE, parameters->name, "%s must be an object, not %s.", parameters->name,
		    json_type_name(parameters->value.type));
		return;
	}
	struct json raw = json_member(parameters->value, "rawPayload");
	if (!json_present(raw) || raw.type == JSON_NULL)
		return;
	in->check->within = parameters->name;
	if (raw.type == JSON_STRING)
		*payload = json_text(in->arena, raw);
	else
		check_fail(in->check, CHECK_DECODE, "rawPayload", "rawPayload must be a string, not %s.",
		    json_type_name(raw.type));
	in->check->within = NULL;
}

/* Further versions of the payload (M2). Each has one name that is a number, so that none is there twice. */
static void
read_versions(const struct in *in, const struct member *member, struct slice *versions)
{
	if (member_null(member))
		return;
	if (member->value.type != JSON_OBJECT) {
		check_fail(in->check, CHECK_DECODE, member->name,
		    "%s must be an object of payloads by version, not %s.", member->name,
		    json_type_name(member->value.type));
		return;
	}
	size_t count = json_count(member->value);
	if (count > LIMIT_PAYLOAD_VERSIONS || json_has_duplicates(member->value)) {
		check_fail(in->check, CHECK_VALUE, member->name, "%s must have at most %d versions, each once.",
		    member->name, LIMIT_PAYLOAD_VERSIONS);
		return;
	}
	struct json_iterator iterator = json_iterate(member->value);
	struct json key, value;
	while (json_next(&iterator, &key, &value)) {
		int32_t number = versions_number(key);
		if (number == 0) {
			check_fail(in->check, CHECK_VALUE, member->name,
			    "The names in %s must be numbers from %d to %d; version %d is payload itself.",
			    member->name, VERSION_FIRST + 1, LIMIT_PAYLOAD_VERSION, VERSION_FIRST);
			return;
		}
		if (value.type != JSON_OBJECT) {
			check_fail(in->check, CHECK_VALUE, member->name, "Version %d of %s must be an object, not %s.",
			    number, member->name, json_type_name(value.type));
			return;
		}
	}
	if (count > 0)
		*versions = member->value.raw;
}

void
message_in_read(const struct in *in, struct json object, struct slice path_ref, struct message *message,
    struct organisation **organisation)
{
	enum { TYPE, PAYLOAD, DATA, EVENT_ID, CHANNELS, RETENTION, APPLICATION, PARAMETERS, VERSIONS };
	struct member members[] = {{.name = "eventType"}, {.name = "payload"}, {.name = "data"}, {.name = "eventId"},
	    {.name = "channels"}, {.name = "payloadRetentionPeriod"}, {.name = "application"},
	    {.name = "transformationsParams"}, {.name = "payloadVersions"}};
	members_find(object, members, COUNT_OF(members));
	struct in own = {&message->arena, in->check, false};
	in_required(&own, &members[TYPE]);
	if (in_text(&own, &members[TYPE], SIZE_MAX, &message->event_type) &&
	    !event_type_name_valid(message->event_type))
		check_fail(in->check, CHECK_VALUE, "eventType",
		    "eventType must be 1 to %d of a-z, A-Z, 0-9, -, _ and ..", LIMIT_UID_BYTES);
	const struct member *payload = &members[member_given(&members[PAYLOAD]) ? PAYLOAD : DATA];
	if (!member_given(payload))
		in_required(&own, &members[PAYLOAD]);
	else if (payload->value.type != JSON_OBJECT)
		check_fail(in->check, CHECK_VALUE, payload->name, "%s must be an object, not %s.", payload->name,
		    json_type_name(payload->value.type));
	else
		message->payload = payload->value.raw;
	(void)in_uid(&own, &members[EVENT_ID], ID_MESSAGE, &message->event_id);
	(void)in_names(&own, &members[CHANNELS], LIMIT_CHANNELS, &message->channels);
	int64_t days = 0;
	(void)in_integer(&own, &members[RETENTION], RETENTION_DAYS_MIN, RETENTION_DAYS_MAX, &days);
	message->retention_days = (int32_t)days;
	if (!member_null(&members[APPLICATION]))
		read_application(in, members[APPLICATION].value, path_ref, organisation);
	read_raw_payload(in, &members[PARAMETERS], &message->payload);
	struct slice versions = SLICE_NONE;
	read_versions(&own, &members[VERSIONS], &versions);
	versions_set(message, message->payload, versions);
}
